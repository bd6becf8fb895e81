"""Folders of any size: the same answers as one by one, and nothing lost or repeated."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from msgspec import structs

import genderscope
from genderscope.core.errors import PictureError, UsageError
from genderscope.core.records import SceneRecord, plain
from genderscope.core.results import Provenance
from genderscope.core.storage import Store
from genderscope.core.types import Box
from genderscope.imaging import decode
from genderscope.imaging.decode import Encoded
from genderscope.imaging.preprocess import PRESETS, crop
from genderscope.inference import bulk
from genderscope.inference.bulk import Reader, Settings
from genderscope.inference.bulk.resuming import Done, Run, agree
from genderscope.sinks import jsonl

SPEC = PRESETS["aligned"]
COMMAND = [sys.executable, "-c", "from genderscope.cli import main; main()", "classify"]


def encoded(files: list[Path]) -> list[Encoded]:
    return [Encoded(str(file), file) for file in files]


@pytest.fixture
def files(tmp_path: Path, portrait: Path) -> list[Path]:
    """Portraits, a broken file, an absent one and a picture of nothing."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    image = cv2.imread(str(portrait))
    for number in range(6):
        cv2.imwrite(str(folder / f"{number}.png"), np.roll(image, 7 * number, 1))
    (folder / "6.jpg").write_bytes(portrait.read_bytes()[:5000])
    cv2.imwrite(str(folder / "8.png"), np.zeros((90, 120, 3), np.uint8))
    return [
        *(folder / f"{number}.png" for number in range(6)),
        folder / "6.jpg",
        folder / "7.png",
        folder / "8.png",
    ]


@pytest.mark.parametrize("threads", [1, 3])
def test_answers_are_those_of_one_by_one(files: list[Path], model: str, threads: int) -> None:
    before = cv2.getNumThreads()
    settings = Settings(model=model, detector="haar", batch_size=4)
    scenes = list(bulk.classify(encoded(files), settings, threads))
    assert cv2.getNumThreads() == before
    scope = genderscope.load(model, "haar")
    for file, scene in zip(files, scenes, strict=True):
        assert scene.frame.path == str(file)
        if scene.frame.error:
            with pytest.raises(PictureError, match=re.escape(scene.frame.error)):
                decode.read(file)
            continue
        image = decode.read(file)
        assert (scene.frame.image, scene.frame.size) == (None, image.shape[:2])
        alone = scope(image)
        assert [result.face for result in scene.results] == [result.face for result in alone]
        for result, expected in zip(scene.results, alone, strict=True):
            assert result.prediction.scores == pytest.approx(expected.prediction.scores, abs=1e-5)


def test_pictures_are_kept_where_asked(files: list[Path], model: str) -> None:
    settings = Settings(model=model, detector="haar", keep_pictures=True)
    [scene] = bulk.classify(encoded(files[:1]), settings)
    np.testing.assert_array_equal(scene.frame.image, decode.read(files[0]))


@pytest.mark.parametrize(("face_px", "reduced"), [(430, True), (90, False)])
def test_a_large_jpeg_is_decoded_smaller_where_its_faces_allow(
    portrait: Path, shared: Path, tmp_path: Path, face_px: int, reduced: bool
) -> None:
    """A crop needs a face of 64 pixels, and a half of 90 are not that."""
    zoom = face_px / 86
    image = cv2.resize(cv2.imread(str(portrait)), None, fx=zoom, fy=zoom)
    picture = np.full((2600, 2600, 3), 90, np.uint8)
    picture[: image.shape[0], : image.shape[1]] = image[:2600, :2600]
    file = tmp_path / "large.jpg"
    cv2.imwrite(str(file), picture)
    weights = next(shared.glob("models/*yunet*.onnx"))
    reader = Reader(Settings(detector="yunet", detector_model=str(weights)), SPEC)
    located = reader(Encoded("large", file))
    assert located.frame.size == picture.shape[:2]
    assert located.faces[0].box.iou(Box(*(zoom * side for side in (178, 68, 86, 110)))) > 0.6
    whole = crop(decode.read(file), located.faces[0], SPEC)
    assert np.array_equal(located.crops[0], whole) != reduced
    assert np.abs(located.crops[0].astype(int) - whole).mean() < 3


def test_an_error_in_a_thread_ends_the_job(
    files: list[Path], model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **options: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(bulk, "locate", broken)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        list(bulk.classify(encoded(files), Settings(model=model, detector="haar"), 2))


def test_done_knows_names_of_any_kind() -> None:
    names = [f"folder/{number}.jpg" for number in range(2000)] + ["caf\udce9.jpg", "\n"]
    done = Done(iter(names))
    assert len(done) == 2002
    assert all(map(done.take, names))
    assert not any(done.take(f"{name}x") for name in names)
    assert not Done([]).take("a")


def test_each_of_several_pictures_of_one_name_is_done_once() -> None:
    done = Done(["b", "a", "b", "c"])
    assert [done.take(name) for name in "bbbacca"] == [*[True] * 2, False, True, True, False, False]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"path": "a"}\n{"path": "b"}\n', ["a", "b"]),
        ('{"path": "a"}\n{"path": "b', ["a"]),
        ('{"path": "a"}\n{"path": "b"}', ["a"]),
        ('{"pa' + "x" * 200_000, []),
        ("", []),
    ],
)
def test_a_half_written_line_is_cut_off(tmp_path: Path, text: str, left: list[str]) -> None:
    file = tmp_path / "out.jsonl"
    file.write_text(text)
    assert [path for path, _ in jsonl.finished(str(file))] == left
    assert file.read_text() == "".join(f'{{"path": "{name}"}}\n' for name in left)


def test_a_file_of_something_else_is_not_gone_on_with(tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    file.write_text('{"path": "a"}\nnotes\n')
    with pytest.raises(UsageError, match=r"line 2 of .* is not a record"):
        list(jsonl.finished(str(file)))
    assert list(jsonl.finished(str(tmp_path / "absent.jsonl"))) == []


def test_other_settings_are_refused(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    run = Run(
        provenance=Provenance(command="genderscope classify a", versions={"genderscope": "1"}),
        model="a",
        model_sha256="0",
        detector="haar",
        detection_size=1280,
        min_score=0.6,
        min_face_px=24,
        min_confidence=0.6,
        crops_are_faces=False,
        max_pixels=10**6,
    )
    agree(store, "settings.json", run)
    elsewhere = Provenance(command="genderscope classify b", versions={"genderscope": "1"})
    agree(store, "settings.json", structs.replace(run, provenance=elsewhere))
    with pytest.raises(UsageError, match="model was 'a' and is 'b'"):
        agree(store, "settings.json", structs.replace(run, model="b"))
    newer = Provenance(command="", versions={"genderscope": "2"}, fingerprint="x")
    with pytest.raises(UsageError, match="version was '1' and is '2'; fingerprint was None and"):
        agree(store, "settings.json", structs.replace(run, provenance=newer))
    store.write("settings.json", b"{}")
    with pytest.raises(UsageError, match="choose another output"):
        agree(store, "settings.json", run)


def begin(folder: Path, model: str, *options: object) -> subprocess.Popen[bytes]:
    words = [*COMMAND, folder, "--model", model, "--detector", "haar", "--batch-size", 1, *options]
    return subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture
def many(tmp_path: Path, portrait: Path) -> Path:
    """A folder of 16 pictures, of which three are broken."""
    folder = tmp_path / "many"
    folder.mkdir()
    broken = tmp_path / "broken"
    broken.write_text("no picture")
    for number in range(16):
        (folder / f"{number:02d}.jpg").symlink_to(broken if number % 6 == 3 else portrait)
    return folder


def lines_of(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


def test_a_killed_run_goes_on(many: Path, model: str, portrait: Path, tmp_path: Path) -> None:
    out, part = tmp_path / "out.jsonl", tmp_path / "out.jsonl.part"
    for number in (5, 10):  # killed twice
        with begin(many, model, "--jsonl", out, "--resume") as process:
            while lines_of(part) < number and process.poll() is None:
                time.sleep(0.002)
            process.kill()
        assert number <= lines_of(part) < 16
        with part.open("a") as opened:
            opened.write('{"path": "half of a li')
    with begin(many, model, "--jsonl", out, "--resume") as process:
        _, err = process.communicate()
    assert process.returncode == 1, err  # some are broken
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert [Path(record["path"]).name for record in records] == [f"{n:02d}.jpg" for n in range(16)]
    assert [n for n, record in enumerate(records) if "error" in record] == [3, 9, 15]
    settings = Settings(model=model, detector="haar", batch_size=1)
    once = bulk.classify(encoded(sorted(many.iterdir())), settings)
    assert records == json.loads(json.dumps([plain(SceneRecord.of(scene)) for scene in once]))

    with begin(many, model, "--jsonl", out, "--resume", "--min-face-px", 99) as process:
        _, err = process.communicate()
    assert process.returncode == 2
    assert b"min_face_px was 24 and is 99" in err


def test_a_run_by_another_model_is_not_gone_on_with(
    model: str, portrait: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    for options, code in (([], 0), (["--resume"], 0), (["--resume", "--min-face-px", "99"], 2)):
        with begin(portrait, model, "--jsonl", out, *options) as process:
            _, err = process.communicate()
        assert process.returncode == code, err
    assert lines_of(out) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_leaves_whole_lines(
    many: Path, model: str, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "out.jsonl"
    with begin(many, model, "--jsonl", out) as process:
        while lines_of(tmp_path / "out.jsonl.part") < 5 and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert 5 <= len([json.loads(line) for line in out.read_text().splitlines()]) < 16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--resume"], "--resume needs exactly one output"),
        (["--resume", "--jsonl", "-"], "--resume needs exactly one output"),
        (["--resume", "--jsonl", "a", "--csv", "b"], "--resume needs exactly one output"),
        (["--engine", "spark"], "no engine 'spark'; there are: local, ray"),
        (["--engine", "ray"], "--engine ray requires exactly one output"),
        (["--provider", "abacus"], "no provider 'abacus'; there are:"),
    ],
)
def test_options_that_cannot_be_meant_are_2(
    options: list[str], message: str, model: str, portrait: Path
) -> None:
    done = subprocess.run(
        [*COMMAND, str(portrait), "--model", model, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_provider_that_is_not_there_is_named(model: str, portrait: Path) -> None:
    """Qualcomm's is in no build for this kind of machine."""
    done = subprocess.run(
        [*COMMAND, str(portrait), "--model", model, "--detector", "haar", "--provider", "qnn"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "provider qnn is not available: the networks run on cpu" in done.stderr
