"""Flip rates by hand, and those of a model with known answers."""

import csv
from dataclasses import replace

import cv2
import numpy as np
import pytest

from fakes import BrightnessClassifier
from genderscope import detection
from genderscope.core.errors import DatasetError
from genderscope.core.results import Estimate, Provenance
from genderscope.core.types import Sample
from genderscope.data.counterfactuals import select
from genderscope.evaluation import counterfactual_faces, counterfactuals
from genderscope.evaluation.counterfactuals import Answers, Counterfactuals, Setup, measure
from genderscope.evaluation.predictions import read
from genderscope.imaging.contact_sheet import GAP_PX, LINE_PX
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


def report(answers: Answers, seed: int = 0, redetected: bool = False) -> Counterfactuals:
    made = Provenance(command="genderscope counterfactuals", versions={}, seed=seed)
    results = counterfactuals.report(
        answers, model="m", dataset="d", provenance=made, redetected=redetected
    )
    assert Counterfactuals.decode(results.encode(), "here") == results
    return results


def test_report_by_hand():
    # 40 faces: the first ten flip to man in the mask, one flips to woman, one has no answer.
    man = np.array([[0.2, 0.6]] * 10 + [[0.9, 0.3]] + [[0.3, 0.1]] * 28 + [[0.7, np.nan]])
    labels = np.where(np.isnan(man), -1, man > 0.5).astype(int)
    truth = np.array([0] * 10 + [1] + [0] * 28 + [-1])
    place = {"place": np.array(["here"] * 10 + ["there"] * 30)}
    answers = Answers(("surgical mask",), labels, man, truth, place)
    results = report(answers, seed=1)
    assert (results.model, results.n, results.provenance.seed) == ("m", 40, 1)
    assert (results.accuracy.n, results.accuracy.value) == (39, 1)
    [mask] = results.conditions
    assert (mask.name, mask.kind) == ("surgical mask", "worn")
    assert (mask.flip_rate.n, mask.no_answer, mask.flips) == (39, 1, 11)
    assert mask.flip_rate.value == pytest.approx(11 / 39)
    assert mask.flip_rate.interval == pytest.approx([0.1654, 0.4378], abs=1e-4)
    assert mask.to_man == pytest.approx(10 / 39)
    assert mask.to_woman == pytest.approx(1 / 39)
    # The score of the original's label: 0.8 to 0.4, 0.9 to 0.3 and 0.7 to 0.9.
    change = mask.confidence_change
    assert change.value == pytest.approx((10 * -0.4 - 0.6 + 28 * 0.2) / 39)
    low, high = change.interval
    assert low < change.value < high
    assert mask.accuracy.value == pytest.approx(28 / 39)
    groups = mask.by_group
    assert groups["place"]["here"] == Estimate(n=10, value=None, interval=None)
    assert groups["gender"]["woman"].value == pytest.approx(10 / 38)
    assert list(groups["gender"]) == ["man", "woman"]
    assert results == report(answers, seed=1)


def test_answers_without_scores_flip_too():
    labels = np.array([[0, 1], [1, 1]])
    answers = Answers(("blur",), labels, np.full((2, 2), np.nan), np.array([0, 1]))
    [blur] = report(answers).conditions
    assert blur.flip_rate.value == 0.5
    assert blur.confidence_change == Estimate(n=0, value=None, interval=None)


def test_a_model_classifies_the_face_detected_once(samples):
    bright, dark = (select(name) for name in ("bright", "dark"))
    detector, seen = OneFace(), []
    answers = measure(
        samples,
        Setup(detector, BrightnessClassifier(), bright + dark),
        lambda face, man: seen.append((face.sample.file.name, man)),
    )
    assert detector.asked == 3
    assert answers.skipped == {"no face was found": 1, counterfactual_faces.UNREADABLE: 1}
    assert [name for name, _ in seen] == ["1.png", "2.png"]
    for _, man in seen:
        assert man[1] > man[0] > man[2]
    results = report(answers)
    assert results.n == 2
    lit, dim = results.conditions
    assert lit.to_man == np.mean([man[1] > 0.5 >= man[0] for _, man in seen])
    assert dim.to_woman == np.mean([man[2] <= 0.5 < man[0] for _, man in seen])
    assert dim.to_woman > 0
    assert dim.by_group["light"]["dim"].n == 2


def test_detecting_again_measures_the_detector_too(samples):
    once, again = OneFace(), OneFace()
    kept, anew = (
        measure(
            samples[:1], Setup(detector, BrightnessClassifier(), select("dark"), redetect=redetect)
        )
        for detector, redetect in ((once, False), (again, True))
    )
    assert (once.asked, again.asked) == (1, 2)
    assert np.isfinite(kept.scores).all()
    assert np.isnan(anew.scores[0]).tolist() == [False, True]  # in the dark no face is found
    [dark] = report(anew, redetected=True).conditions
    assert (dark.found.value, dark.accuracy_of_found.n, dark.no_answer) == (0, 0, 1)


def test_faces_without_landmarks_are_counted(samples):
    with pytest.raises(DatasetError, match="the detector gives no landmarks"):
        measure(samples[:1], Setup(detection.create("haar"), BrightnessClassifier(), select("hat")))


def test_pictures_go_out_and_answers_come_back(samples, tmp_path):
    out, conditions, model = tmp_path / "out", select("hat,warm tint"), BrightnessClassifier()
    with counterfactual_faces.writing(out, conditions, 0) as write:
        expected = measure(
            samples, Setup(OneFace(), model, conditions), lambda face, _: write(face)
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
    found = report(counterfactuals.from_predictions(read(answered)))
    assert found.n == 2
    assert found.conditions == report(expected).conditions


def test_without_a_face_nothing_is_written(samples, tmp_path):
    setup = Setup(OneFace(), BrightnessClassifier(), select("dark"))
    with (
        pytest.raises(DatasetError, match="no face was found"),
        counterfactual_faces.writing(tmp_path / "out", select("dark"), 0) as write,
    ):
        measure(samples[2:3], setup, lambda face, _: write(face))
    assert not (tmp_path / "out").exists()


def test_a_data_set_may_have_columns_of_the_same_names(samples, tmp_path):
    own = {"condition": "sunny", "face": "round", "light": "dim"}
    faces = [replace(samples[0], groups=own), replace(samples[1], groups=own)]
    with counterfactual_faces.writing(tmp_path / "out", select("dark"), 0) as write:
        measure(
            faces,
            Setup(OneFace(), BrightnessClassifier(), select("dark")),
            lambda face, _: write(face),
        )
    rows = list(csv.DictReader((tmp_path / "out" / "table.csv").read_text().splitlines()))
    named = [(row["face"], row["condition"], row["light"]) for row in rows]
    assert named == [(face, name, "dim") for face in "12" for name in ("original", "dark")]


def test_a_column_of_names_defines_no_groups(samples):
    names = [replace(samples[0], groups={"note": str(n), "light": "dim"}) for n in range(51)]
    [dark] = report(
        measure(names, Setup(OneFace(), BrightnessClassifier(), select("dark")))
    ).conditions
    assert set(dark.by_group) == {"light", "gender"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,score\na.png,0.5\n", "lacks the columns face, condition"),
        ("file,face,condition,score\na.png,1,hat,0.5\n", "no face in the condition 'original'"),
        (
            "file,face,condition,score\na.png,1,original,0.5\nb.png,1,hat,0\nc.png,1,hat,1\n",
            "the face 1 twice in the condition 'hat'",
        ),
    ],
)
def test_other_tables_are_refused(tmp_path, text, message):
    (tmp_path / "said.csv").write_text(text)
    with pytest.raises(DatasetError, match=message):
        counterfactuals.from_predictions(read(tmp_path / "said.csv"))


def test_faces_without_their_original_are_counted(tmp_path):
    rows = ("a.png,1,original,0.5", "b.png,1,hat,0", "c.png,2,hat,1", "d.png,3,hat,1")
    (tmp_path / "said.csv").write_text("\n".join(("file,face,condition,score", *rows)))
    found = counterfactuals.from_predictions(read(tmp_path / "said.csv"))
    assert dict(found.skipped) == {counterfactuals.NO_ORIGINAL: 2}


def test_the_sheet_has_a_row_for_each_condition(samples, monkeypatch):
    legend = counterfactual_faces.LEGEND
    monkeypatch.setattr(counterfactual_faces, "LEGEND", "")  # wider than the tiles
    conditions = select("hat,dark,grey")
    faces = []
    measure(
        samples,
        Setup(OneFace(), BrightnessClassifier(), conditions),
        lambda face, man: faces.append((face, man)),
    )
    page = counterfactual_faces.sheet(faces, conditions, BrightnessClassifier.spec, 0)
    size = counterfactual_faces.TILE_PX
    tiles = [row[:size, -size - GAP_PX : -GAP_PX] for row in np.split(page[GAP_PX:], 4)]
    assert tiles[2].mean() < 0.6 * tiles[0].mean()
    assert np.ptp(tiles[3].astype(int), axis=-1).max() == 0

    monkeypatch.setattr(counterfactual_faces, "LEGEND", legend)
    with_legend = counterfactual_faces.sheet(faces, conditions, BrightnessClassifier.spec, 0)
    height = with_legend.shape[0] - page.shape[0]
    assert height == LINE_PX * len(legend.splitlines())
    assert (with_legend[:height] < 128).any()
    np.testing.assert_array_equal(with_legend[height + GAP_PX :, : page.shape[1]], page[GAP_PX:])

    shown = []
    monkeypatch.setattr(counterfactual_faces, "contact_sheet", lambda rows, **_: shown.extend(rows))
    face, scores = faces[0][0], np.array([0.998, 0.002, 1.0, 0.7])
    counterfactual_faces.sheet([(face, scores)], conditions, BrightnessClassifier.spec, 0)
    captions = [tile.caption for (tile,) in shown]
    assert captions == ["man 99%", "woman 99%", "man 100%", "man 70%"]
    assert [tile.highlighted for (tile,) in shown] == [False, True, False, False]

    for original in (0.9, 0.1):
        shown.clear()
        scores = np.array([original, np.nan, original, original])
        counterfactual_faces.sheet([(face, scores)], conditions, BrightnessClassifier.spec, 0)
        assert shown[1][0].caption == "not found"
        assert not any(tile.highlighted for (tile,) in shown)
