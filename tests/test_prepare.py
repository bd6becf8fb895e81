"""The crop cache: the same pixels as running, resumable, refused for anything else."""

import json

import cv2
import numpy as np
import pytest

from genderscope import detectors, prepare, sources
from genderscope.contracts import Box, DatasetError, Sample
from genderscope.preprocess import PRESETS, crop

pytest.importorskip("pyarrow", reason="needs the extra [eval]")


@pytest.fixture
def samples(tmp_path, portrait, monkeypatch):
    """Seven pictures, one of them broken, one without a face but with a box."""
    monkeypatch.setattr(prepare, "SHARD_ROWS", 3)
    picture = cv2.imread(str(portrait))
    made = []
    for number in range(7):
        file = tmp_path / f"{number}.png"
        cv2.imwrite(str(file), cv2.convertScaleAbs(picture, alpha=1 - number / 20))
        made.append(
            Sample(file, number % 2, identity=f"person {number}", groups={"age": f"{number}0"})
        )
    cv2.imwrite(str(made[2].file), np.full((90, 90, 3), 200, np.uint8))
    made[2] = Sample(made[2].file, 0, box=Box(20, 20, 50, 50))
    made[4].file.write_bytes(b"not a picture")
    return made


@pytest.fixture(params=PRESETS)
def recipe(request):
    return prepare.Recipe(PRESETS[request.param], "haar")


def test_a_cache_holds_what_running_would_cut(samples, recipe, tmp_path):
    out = tmp_path / "cache"
    progress = list(prepare.prepare(samples, recipe, out, sources_named=["folder"], jobs=1))
    assert progress == [3, 6, 7]
    crops = prepare.Crops(out)
    assert crops.files == [f"{n}.png" for n in (0, 1, 2, 3, 5, 6)]
    assert crops.labels.tolist() == [0, 1, 0, 1, 1, 0]
    assert crops.found.tolist() == [True, True, False, True, True, True]
    assert crops.identities[1] == "person 1"
    assert crops.groups[1] == {"age": "10"}
    [failure] = crops.manifest["failures"]
    assert failure["file"].endswith("4.png")

    detector = detectors.create("haar")
    chosen = np.array([5, 0, 2])
    for row, exact in zip(chosen, crops.exact(chosen), strict=True):
        sample = next(sample for sample in samples if sample.file.name == crops.files[row])
        image = sources.read(sample.file)
        face, _ = detectors.find_one(image, detector, recipe.spec, sample.box)
        np.testing.assert_array_equal(exact, crop(image, face, recipe.spec))
    side = recipe.spec.size + 2 * recipe.surround
    assert crops.wide(chosen).shape == crops.shown(chosen).shape == (3, side, side)


def test_an_interrupted_cache_is_completed_and_equals_an_uninterrupted_one(samples, tmp_path):
    recipe = prepare.Recipe(PRESETS["aligned"], "haar")
    whole, begun = tmp_path / "whole", tmp_path / "begun"
    list(prepare.prepare(samples, recipe, whole, jobs=1))
    next(prepare.prepare(samples, recipe, begun, jobs=1))
    (begun / prepare.MANIFEST).unlink(missing_ok=True)
    (begun / "shard-00002.arrow").unlink(missing_ok=True)
    with pytest.raises(DatasetError, match="no finished cache"):
        prepare.Crops(begun)
    list(prepare.prepare(samples, recipe, begun, jobs=1))
    for file in sorted(whole.iterdir()):
        assert (begun / file.name).read_bytes() == file.read_bytes(), file.name


def test_a_cache_of_something_else_is_refused(samples, tmp_path):
    out = tmp_path / "cache"
    list(prepare.prepare(samples, prepare.Recipe(PRESETS["aligned"], "haar"), out, jobs=1))
    with pytest.raises(DatasetError, match="another spec"):
        list(prepare.prepare(samples, prepare.Recipe(PRESETS["paper"], "haar"), out, jobs=1))
    relabelled = [Sample(samples[0].file, 1), *samples[1:]]
    with pytest.raises(DatasetError, match="other pictures"):
        list(prepare.prepare(relabelled, prepare.Recipe(PRESETS["aligned"], "haar"), out, jobs=1))


def test_a_finished_cache_is_not_made_again(samples, tmp_path):
    out, recipe = tmp_path / "cache", prepare.Recipe(PRESETS["aligned"], "haar")
    list(prepare.prepare(samples, recipe, out, jobs=1))
    before = (out / prepare.MANIFEST).stat().st_mtime_ns
    assert list(prepare.prepare(samples, recipe, out, jobs=1)) == [len(samples)]
    assert (out / prepare.MANIFEST).stat().st_mtime_ns == before
    assert json.loads((out / prepare.MANIFEST).read_text())["samples"] == len(samples)
