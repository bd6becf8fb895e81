"""What the report of flips says, by hand, and what a model with known answers makes of it."""

import csv
import json

import cv2
import numpy as np
import pytest

from fakes import BrightnessClassifier
from genderscope import detection
from genderscope.core.errors import DatasetError
from genderscope.core.types import Sample
from genderscope.data.counterfactuals import chosen
from genderscope.evaluation import altered_faces, flip_rates
from genderscope.evaluation.predictions import read
from genderscope.imaging.preprocess import crop
from test_counterfactuals import FACE

pytest.importorskip("scipy", reason="needs the extra [eval]")


class OneFace:
    """Finds the portrait's face, but none in a picture that is dark."""

    name = "one face"

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, image):
        self.asked += 1
        return [FACE] if image.mean() > 80 else []


@pytest.fixture
def samples(tmp_path, portrait):
    """Two pictures of a woman, one without a face, one that cannot be read."""
    picture = cv2.imread(str(portrait))
    for name, image in {
        "1.png": picture,
        "2.png": cv2.convertScaleAbs(picture, alpha=1.3, beta=40),
        "black.png": picture * 0,
    }.items():
        cv2.imwrite(str(tmp_path / name), image)
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    names = ("1.png", "2.png", "black.png", "broken.png")
    return [Sample(tmp_path / name, 0, groups={"light": "dim"}) for name in names]


def test_report_by_hand():
    # 40 faces: the first ten flip to man in the mask, one flips to woman, one has no answer.
    man = np.array([[0.2, 0.6]] * 10 + [[0.9, 0.3]] + [[0.3, 0.1]] * 28 + [[0.7, np.nan]])
    decided = np.where(np.isnan(man), -1, man > 0.5).astype(int)
    truth = np.array([0] * 10 + [1] + [0] * 28 + [-1])
    place = {"place": np.array(["here"] * 10 + ["there"] * 30)}
    found = flip_rates.report(["surgical mask"], decided, man, truth, place, seed=1, model="m")
    json.dumps(found, allow_nan=False)
    assert (found["model"], found["n"], found["seed"]) == ("m", 40, 1)
    assert found["original"]["accuracy"] == 1
    [mask] = found["conditions"]
    assert (mask["name"], mask["kind"]) == ("surgical mask", "worn")
    assert (mask["n"], mask["no_answer"], mask["flips"]) == (39, 1, 11)
    assert mask["flip_rate"] == pytest.approx(11 / 39)
    assert mask["flip_interval"] == pytest.approx([0.1654, 0.4378], abs=1e-4)
    assert mask["to_man"] == pytest.approx(10 / 39)
    assert mask["to_woman"] == pytest.approx(1 / 39)
    # The score of what was said before: 0.8 to 0.4, 0.9 to 0.3 and 0.7 to 0.9.
    assert mask["confidence_change"] == pytest.approx((10 * -0.4 - 0.6 + 28 * 0.2) / 39)
    low, high = mask["confidence_interval"]
    assert low < mask["confidence_change"] < high
    assert mask["accuracy"] == pytest.approx(28 / 39)
    groups = mask["by_group"]
    assert groups["place"]["here"] == {
        "n": 10,
        "n_too_small": True,
        "flip_rate": None,
        "flip_interval": None,
    }
    assert groups["gender"]["woman"]["flip_rate"] == pytest.approx(10 / 38)
    assert list(groups["gender"]) == ["man", "woman"]
    assert found == flip_rates.report(
        ["surgical mask"], decided, man, truth, place, seed=1, model="m"
    )


def test_answers_without_scores_flip_too():
    decided = np.array([[0, 1], [1, 1]])
    nothing = np.full((2, 2), np.nan)
    [blur] = flip_rates.report(["blur"], decided, nothing, np.array([0, 1]), {}, seed=0)[
        "conditions"
    ]
    assert (blur["flip_rate"], blur["confidence_change"]) == (0.5, None)
    assert blur["confidence_interval"] == [None, None]


def test_a_model_is_asked_with_the_face_found_once(samples):
    bright, dark = (chosen(name) for name in ("bright", "dark"))
    detector, seen = OneFace(), []
    report = flip_rates.measure(
        samples,
        detector,
        BrightnessClassifier(),
        bright + dark,
        0,
        seen=lambda found, man: seen.append((found.sample.file.name, man)),
        dataset="folder:x",
    )
    assert detector.asked == 3
    assert (report["n"], report["model"], report["detector"]) == (2, "brightness", "one face")
    assert report["skipped"] == {"no face was found": 1, altered_faces.UNREADABLE: 1}
    assert [name for name, _ in seen] == ["1.png", "2.png"]
    for _, man in seen:
        assert man[1] > man[0] > man[2]
    lit, dim = report["conditions"]
    assert lit["to_man"] == np.mean([man[1] > 0.5 >= man[0] for _, man in seen])
    assert dim["to_woman"] == np.mean([man[2] <= 0.5 < man[0] for _, man in seen])
    assert dim["to_woman"] > 0
    assert dim["by_group"]["light"]["dim"]["n"] == 2


def test_detecting_again_measures_the_detector_too(samples):
    once, again = OneFace(), OneFace()
    change = chosen("dark")
    kept, anew = (
        flip_rates.measure(
            samples[:1], detector, BrightnessClassifier(), change, 0, redetect=redetect
        )
        for detector, redetect in ((once, False), (again, True))
    )
    assert (once.asked, again.asked) == (1, 2)
    # In the dark nothing is found, so that the whole picture is classified.
    changes = [report["conditions"][0]["confidence_change"] for report in (kept, anew)]
    assert changes[0] != changes[1]
    assert anew["redetected"]


def test_faces_without_landmarks_are_counted(samples):
    with pytest.raises(DatasetError, match="the detector gives no landmarks"):
        flip_rates.measure(
            samples[:1], detection.create("haar"), BrightnessClassifier(), chosen("hat"), 0
        )


def test_pictures_go_out_and_answers_come_back(samples, tmp_path):
    out, conditions, model = tmp_path / "out", chosen("hat,warm tint"), BrightnessClassifier()
    with altered_faces.Pictures(out, conditions, 0) as pictures:
        expected = flip_rates.measure(
            samples, OneFace(), model, conditions, 0, seen=lambda found, _: pictures.write(found)
        )
    rows = list(csv.DictReader((out / "table.csv").read_text().splitlines()))
    assert [row["condition"] for row in rows] == ["original", "hat", "warm tint"] * 2
    assert rows[2]["file"] == "warm-tint/000001.png"
    assert {row["light"] for row in rows} == {"dim"}

    # Somebody else's classifier: it cuts the same face and writes what it says.
    for row in rows:
        image = cv2.imread(str(out / row["file"]))
        row["score"] = str(model(crop(image, FACE, model.spec)[None])[0, 1])
    answered = tmp_path / "answered.csv"
    with answered.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    found = flip_rates.given(read(answered), 0)
    assert found["n"] == expected["n"] == 2
    assert found["conditions"] == expected["conditions"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,score\na.png,0.5\n", "lacks the columns face, condition"),
        ("file,face,condition,score\na.png,1,hat,0.5\n", "no face in the condition 'original'"),
    ],
)
def test_other_tables_are_refused(tmp_path, text, message):
    (tmp_path / "said.csv").write_text(text)
    with pytest.raises(DatasetError, match=message):
        flip_rates.given(read(tmp_path / "said.csv"), 0)


def test_the_sheet_has_a_row_for_each_condition(samples):
    conditions = chosen("hat,dark,grey")
    faces = []
    flip_rates.measure(
        samples,
        OneFace(),
        BrightnessClassifier(),
        conditions,
        0,
        seen=lambda found, man: faces.append((found, man)),
    )
    page = np.asarray(altered_faces.sheet(faces, conditions, BrightnessClassifier.spec, 0))
    step = altered_faces.TILE_PX + altered_faces.GAP_PX
    assert page.shape[1] == altered_faces.TITLE_PX + 2 * step
    rows = np.split(page[altered_faces.GAP_PX :], 4)
    tiles = [row[: altered_faces.TILE_PX, -step : -altered_faces.GAP_PX] for row in rows]
    assert tiles[2].mean() < 0.6 * tiles[0].mean()
    assert np.ptp(tiles[3].astype(int), axis=-1).max() == 0
