"""The crop cache: the same pixels as running, resumable at any point, refused for anything else."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest

from genderscope import detection
from genderscope.cli._cache import Sources
from genderscope.core.errors import DatasetError, ResultError, UsageError
from genderscope.core.types import Box, Face, Sample
from genderscope.data import prepare
from genderscope.data.prepare.crops import MANIFEST, PLAN, Crops
from genderscope.data.prepare.shards import Recipe
from genderscope.data.selection import Selection
from genderscope.imaging import decode
from genderscope.imaging.preprocess import PRESETS, crop, whole
from genderscope.inference.locate import locate

pytest.importorskip("pyarrow", reason="needs the extra [eval]")

ALIGNED = Recipe(PRESETS["aligned"], "haar")
GIVEN = Recipe(PRESETS["paper"], None)


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


def make(samples, recipe, out):
    list(prepare.prepare(samples, recipe, out, jobs=1))
    return Crops(out)


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_cache_holds_what_running_would_cut(samples, preset, tmp_path):
    recipe, out = Recipe(PRESETS[preset], "haar"), tmp_path / "cache"
    progress = list(prepare.prepare(samples, recipe, out, sources=["folder"], jobs=1))
    assert progress == [(0, 7), (3, 7), (6, 7), (7, 7)]
    crops = Crops(out)
    assert crops.files == [f"{n}.png" for n in (0, 1, 2, 3, 5, 6)]
    assert crops.labels.tolist() == [0, 1, 0, 1, 1, 0]
    assert crops.located.tolist() == [True, True, False, True, True, True]
    assert crops.identities[1] == "person 1"
    assert crops.groups[1] == {"age": "10"}
    assert list(crops.manifest.failures.values()) == [1]
    assert crops.manifest.sources == ("folder",)

    detector = detection.create("haar")
    chosen = np.array([5, 0, 2])
    for row, exact in zip(chosen, crops.exact(chosen), strict=True):
        sample = next(sample for sample in samples if sample.file.name == crops.files[row])
        [running] = locate(sample, detector, recipe.spec).crops
        np.testing.assert_array_equal(exact, running)
    side = recipe.spec.size + 2 * recipe.surround
    assert crops.wide(chosen).shape[:3] == crops.visible(chosen).shape == (3, side, side)


def test_given_boxes_need_no_detector(samples, tmp_path):
    crops = make(samples, GIVEN, tmp_path / "cache")
    assert crops.manifest.detector is None
    assert crops.located.tolist() == [False, False, True, False, False, False]
    for row, box in ((0, None), (2, samples[2].box)):
        image = decode.read(samples[row].file)
        face = Face(box) if box else whole(image, GIVEN.spec)
        [exact] = crops.exact(np.array([row]))
        np.testing.assert_array_equal(exact, crop(image, face, GIVEN.spec))


def test_an_interrupted_cache_is_completed_and_equals_an_uninterrupted_one(samples, tmp_path):
    whole, begun = tmp_path / "whole", tmp_path / "begun"
    make(samples, ALIGNED, whole)
    steps = prepare.prepare(samples, ALIGNED, begun, jobs=1)
    while next(steps)[0] == 0:
        pass
    steps.close()
    with pytest.raises(DatasetError, match="not a finished cache"):
        Crops(begun)
    (begun / "shard-00001.arrow").write_bytes(b"cut off by a power cut")
    (begun / "shard-00001.json").write_bytes(b"")
    (begun / "shard-00002.arrow.x.part").write_bytes(b"left by a process that was killed")
    make(samples, ALIGNED, begun)
    assert contents(begun) == contents(whole)


SCRIPT = """
import json, sys
from pathlib import Path
from genderscope.data import prepare
from genderscope.core.types import Sample
from genderscope.imaging.preprocess import PRESETS
from genderscope.data.prepare.shards import Recipe

if __name__ == "__main__":
    prepare.SHARD_ROWS = 8
    pictures, out = map(Path, sys.argv[1:])
    samples = [Sample(file, 0) for file in sorted(pictures.iterdir()) for _ in range(8)]
    for done, _ in prepare.prepare(samples, Recipe(PRESETS["paper"], None), out, jobs=2):
        print(done, flush=True)
"""


@pytest.fixture
def command(tmp_path, portrait):
    """A process that makes 24 shards, given its folder."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    picture = cv2.imread(str(portrait))
    for number in range(24):
        lit = cv2.convertScaleAbs(picture, alpha=1 - number / 50)
        cv2.imwrite(str(pictures / f"{number:02d}.jpg"), lit)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    def start(out):
        line = [sys.executable, str(script), str(pictures), str(tmp_path / out)]
        return subprocess.Popen(
            line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    return start


def ended(group):
    """Whether all processes of a group end within some seconds."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_stopped_at_random_points_and_resumed_it_ends_with_the_same_bytes(command, tmp_path, how):
    draw = random.Random(time.time_ns())
    _, problems = command("whole").communicate()
    assert not problems
    wanted = contents(tmp_path / "whole")
    stops = [draw.randrange(0, 9), draw.randrange(1, 6)]
    delays = [draw.uniform(0, 0.05) for _ in stops]
    for shards, delay in zip(stops, delays, strict=True):
        running = command("stopped")
        for _ in range(shards + 1):
            running.stdout.readline()
        time.sleep(delay)
        began = time.monotonic()
        running.send_signal(how)
        running.communicate()
        assert time.monotonic() - began < 5
        assert running.returncode in (-how, 0)  # 0: it ended before the signal came
        assert ended(running.pid), "its workers go on"
    command("stopped").communicate()
    assert contents(tmp_path / "stopped") == wanted, (stops, delays)


def test_a_cache_of_something_else_is_refused_with_what_differs(samples, tmp_path):
    out = tmp_path / "cache"
    make(samples, ALIGNED, out)
    before = contents(out)
    other = replace(PRESETS["aligned"], margin_ratio=0.4)
    for changed, recipe, message in [
        (samples, Recipe(other, "haar"), r"spec.margin_ratio was 0.05 and is 0.4; name another"),
        (samples, replace(ALIGNED, detector=None), "detector was 'haar' and is None"),
        (samples, replace(ALIGNED, detector_model=__file__), "detector_sha256 was None and is "),
        (samples[1:], ALIGNED, "samples was 7 and is 6; groups_sha256 was"),
        ([Sample(samples[0].file, 1), *samples[1:]], ALIGNED, "; fingerprint was"),
        ([replace(samples[0], box=Box(1, 1, 9, 9)), *samples[1:]], ALIGNED, ": fingerprint was"),
        ([replace(samples[0], identity="x"), *samples[1:]], ALIGNED, ": fingerprint was"),
        ([replace(samples[0], groups={"a": "b"}), *samples[1:]], ALIGNED, ": groups_sha256 was"),
        ([], ALIGNED, "no pictures to cut"),
    ]:
        with pytest.raises(DatasetError, match=message):
            make(changed, recipe, out)
    (out / "plan.json").write_text("{")
    with pytest.raises(DatasetError, match=r"is not a result file.*; name another folder"):
        make(samples, ALIGNED, out)
    (out / "plan.json").unlink()
    with pytest.raises(DatasetError, match="without a plan"):
        make(samples, ALIGNED, out)
    del before["plan.json"]
    assert contents(out) == before


def test_a_place_that_cannot_be_written_is_refused(samples, tmp_path):
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DatasetError, match="cannot be written"):
            make(samples, ALIGNED, out)


def test_a_finished_cache_is_not_made_again_unless_it_is_damaged(samples, tmp_path):
    out = tmp_path / "cache"
    make(samples, ALIGNED, out)
    before, made = contents(out), (out / "shard-00000.arrow").stat().st_mtime_ns
    assert list(prepare.prepare(samples, ALIGNED, out, jobs=1)) == [(0, 7), (7, 7)]
    assert (out / "shard-00000.arrow").stat().st_mtime_ns == made
    for data in (None, before["shard-00001.arrow"][:99]):
        (out / "shard-00001.arrow").unlink()
        if data:
            (out / "shard-00001.arrow").write_bytes(data)
        with pytest.raises(ResultError, match=r"lacks a shard or has a broken one: repeat the"):
            Crops(out)
        (out / "shard-00001.arrow").write_bytes(before["shard-00001.arrow"])
    damaged = bytearray(before["shard-00001.arrow"])
    damaged[len(damaged) // 2] ^= 1
    (out / "shard-00001.arrow").write_bytes(damaged)
    make(samples, ALIGNED, out)
    assert contents(out) == before
    assert (out / "shard-00000.arrow").stat().st_mtime_ns == made


def test_a_cache_without_checksums_is_read_and_left_alone(samples, tmp_path):
    """As the first ones were, some of which runs still resume from."""
    out, good = tmp_path / "cache", [sample for sample in samples if sample is not samples[4]]
    make(good, ALIGNED, out)
    for file in out.glob("shard-*.json"):
        file.rename(file.with_suffix(".failures.json")).write_text("[]")
    for name, others in ((PLAN, {}), (MANIFEST, {"failures": []})):
        values = json.loads((out / name).read_text()) | others
        values["fingerprint"] = values["provenance"]["fingerprint"]
        values.pop("groups_sha256")
        for key in ("kind", "version", "provenance", "counterfactual", "shard_rows", "shards"):
            values.pop(key, None)
        (out / name).write_text(json.dumps(values))
    before = contents(out)
    crops = make(good, ALIGNED, out)
    assert contents(out) == before
    assert (len(crops), crops.manifest.failures) == (6, {})


def test_failures_are_named_and_counted_by_reason(samples, tmp_path):
    loop = tmp_path / "loop.png"
    loop.symlink_to(loop)
    cut_off = tmp_path / "cut off.png"
    cut_off.write_bytes(samples[0].file.read_bytes()[:5000])
    odd = tmp_path / os.fsdecode(b"odd \xff.png")
    odd.write_bytes(samples[0].file.read_bytes())
    beside = [Box(900, 900, 50, 50), Box(-900, 9, 50, 50)]
    broken = [
        Sample(tmp_path / "missing 1.png", 0),
        Sample(tmp_path / "missing 2.png", 1),
        Sample(loop, 0),
        *(Sample(samples[0].file, 0, box=box) for box in beside),
        Sample(cut_off, 1),
    ]
    crops = make([*broken, Sample(odd, 1)], GIVEN, tmp_path / "cache")
    assert crops.files == ["odd \ufffd.png"]
    assert crops.manifest.failures == {
        "the picture is not there; check the path": 2,
        "the face's box lies outside the picture of N x N": 2,
        "the picture cannot be read: Too many levels of symbolic links": 1,
        "the picture is broken; get another copy": 1,
    }
    named = [
        failure["file"]
        for shard in sorted((tmp_path / "cache").glob("shard-*.json"))
        for failure in json.loads(shard.read_text())["failed"]
    ]
    assert named == [str(sample.file) for sample in broken]
    assert len(make(broken, GIVEN, tmp_path / "nothing")) == 0


class Counted:
    """Samples that can be read several times, with how many were read the last time."""

    def __init__(self, samples, more=0):
        self.samples, self.more, self.read = samples, more, 0

    def __iter__(self):
        self.read = 0
        for sample in self.samples:
            self.read += 1
            yield sample
        self.samples = self.samples + self.samples[: self.more]


def test_samples_stream(samples, tmp_path):
    many = Counted([samples[0]] * 60)
    steps = prepare.prepare(many, GIVEN, tmp_path / "cache", jobs=1)
    while next(steps)[0] == 0:
        pass
    assert many.read <= 4 * prepare.SHARD_ROWS
    assert list(steps)[-1] == (60, 60)


def test_a_data_set_that_changes_meanwhile_is_refused(samples, tmp_path):
    with pytest.raises(DatasetError, match="it had 3 samples, then 5"):
        make(Counted(samples[:3], more=2), GIVEN, tmp_path / "cache")
    assert not (tmp_path / "cache" / MANIFEST).exists()
    with pytest.raises(DatasetError, match="it had 3 samples, then 0"):
        make(iter(samples[:3]), GIVEN, tmp_path / "other")


def test_sources_mix_each_with_its_own_split(portrait, tmp_path):
    picture = portrait.read_bytes()
    for name in ("folder/train/woman/a.jpg", "folder/val/man/b.jpg", "utk/20_0_1_1.jpg.chip.jpg"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture)
    (tmp_path / "utk" / "unknown.jpg").write_bytes(picture)
    own, utk = f"folder:{tmp_path / 'folder'}", f"utkface:{tmp_path / 'utk'}"
    for named, split, files in [
        ([own, utk], None, ["a.jpg", "20_0_1_1.jpg.chip.jpg"]),
        ([utk, f"{own}?split=val"], None, ["20_0_1_1.jpg.chip.jpg", "b.jpg"]),
        ([f"{utk}?split=all", own], "val", None),
        ([own, f"{own}?split=val"], "val", ["b.jpg", "b.jpg"]),
        ([own, f"{own}?split=val"], None, ["a.jpg", "b.jpg"]),
    ]:
        chosen = Sources(named, split, Selection())
        if files is None:
            with pytest.raises(UsageError, match="names another split than"):
                list(chosen)
            continue
        assert [sample.file.name for sample in chosen] == files
        assert chosen.removed["gender known"] == (utk in named)
        if split is None:
            crops = make(chosen, GIVEN, tmp_path / "-".join(files))
            assert crops.files == files
            assert list(chosen) == list(chosen)
