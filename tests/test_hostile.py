"""Hostile pictures: refused beforehand or given up, in time, in memory and without a word."""

import io
import json
import math
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import genderscope
import hostile
from console import COMMAND
from genderscope.core.errors import PictureError
from genderscope.core.parallel import Budget, Work
from genderscope.imaging import decode, structure
from genderscope.imaging.limits import Limits
from genderscope.imaging.opening import Opened, Request

psutil = pytest.importorskip("psutil")

SLOW = hostile.pgm_in_words(3000)


NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)


def encoded(kind: str, pixels: np.ndarray = NOISE, **options: object) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def children() -> set[int]:
    every = psutil.Process().children()  # but not what multiprocessing started
    return {child.pid for child in every if "imaging" in " ".join(child.cmdline())}


@pytest.mark.parametrize(
    ("data", "passes"),
    [
        (encoded("JPEG"), 1),
        (encoded("JPEG", progressive=True), 10),
        (encoded("JPEG") + b"\xff\xda" * 500, 1),  # a film behind the picture, as phones add
        (encoded("JPEG", progressive=True)[:-300], 10),
        (hostile.jpeg_of_scans(64, 3000), 101),
        (hostile.jpeg_with_junk(64, 10), 0),
        (b"\xff\xd8" + b"\xff" * 2_000_000, 0),  # fill bytes only
        (encoded("PNG"), 1),
        (hostile.png_of_zeros(9, 9, 2, 8, *[b"tEXt"] * 30_000), 0),
        (encoded("WEBP"), 0),
        (b"", 0),
    ],
)
def test_the_structure_bounds_the_time_of_ordinary_files(data: bytes, passes: int) -> None:
    assert structure.passes(data) == passes


def test_what_the_structure_does_not_bound_is_not_opened_here() -> None:
    many_comments = b"\xff\xd8" + b"\xff\xfe\0\2" * 2_000_000
    begin = time.thread_time()
    assert decode.work_pixels(many_comments, structure.passes(many_comments)) == math.inf
    assert time.thread_time() - begin < 1


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("name", ["scans.jpg", "rgba.png", "palette.png", "grey.png", "tile.tif"])
def test_what_the_header_shows_is_refused_before_decoding(name: str) -> None:
    make, words = hostile.PICTURES[name]
    data = make()
    with pytest.raises(PictureError, match=words):
        Opened(Request(data, Limits(), structure.passes(data)))


def test_memory_is_counted_for_what_the_decoder_makes(tmp_path: Path) -> None:
    """A process that may use no more than was counted decodes it, and one with less does not."""
    file = tmp_path / "rgba.png"
    file.write_bytes(hostile.png_of_zeros(4000, 4000, 6))
    counted = Opened(Request(file.read_bytes(), Limits(), 1)).memory
    code = (
        "import resource, sys; from pathlib import Path; from genderscope.imaging import decode\n"
        "decode.read(decode.PORTRAIT)\n"
        "used = int(Path('/proc/self/statm').read_text().split()[5]) * resource.getpagesize()\n"
        "most = used + int(sys.argv[2])\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (most, most))\n"
        "print(decode.read(Path(sys.argv[1])).shape)\n"
    )
    for share, words in ((1.05, "(4000, 4000, 3)"), (0.8, "does not fit into memory")):
        command = [sys.executable, "-c", code, file, str(int(share * counted))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert words in done.stdout + done.stderr


def test_what_takes_too_long_is_ended_and_the_next_picture_is_read() -> None:
    start, before = time.monotonic(), psutil.Process().cpu_times().children_user
    with pytest.raises(PictureError, match=r"^a takes more than 0\.2 s to decode; save it again$"):
        decode.read(SLOW, Limits(max_seconds=0.2), name="a")
    if time.monotonic() - start < 5:  # else this machine is slow
        assert psutil.Process().cpu_times().children_user - before < 5
    assert decode.read(encoded("WEBP")).shape == (64, 64, 3)


def test_what_nobody_waits_for_is_ended() -> None:
    errors, budget = [], Budget(2**30)

    def read() -> None:
        try:
            with work:
                decode.read_reduced(SLOW, Limits(max_seconds=200), work=work)
        except PictureError as error:
            errors.append(str(error))

    decode.read(encoded("WEBP"))  # so that a worker is there
    for killed in (False, True):
        work, before = Work(budget), children()
        thread = threading.Thread(target=read)
        thread.start()
        time.sleep(0.5)
        if killed:
            for child in before:
                psutil.Process(child).kill()
        else:
            work.cancel()
        thread.join(20)
        assert not thread.is_alive()
        assert len(children() & before) < len(before)
        decode.read(encoded("WEBP"))
    assert errors == [
        "the picture was cancelled",
        "the picture crashes its decoder; save it again",
    ]
    assert budget.take(2**30) == 2**30  # all that was reserved was given back


def test_a_decoders_messages_are_in_the_pictures_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PictureError, match=r"is broken \(decoder error -2 .*: .*\); get"):
        decode.read(hostile.tiff_of_random_bytes(), Limits(max_seconds=100))
    assert capfd.readouterr() == ("", "")


def test_deep_grey_is_answered_as_in_8_bits(model: str, portrait: Path) -> None:
    scope = genderscope.load(model, "haar")
    grey = np.asarray(PIL.Image.open(portrait).convert("L"))
    infinite = grey / np.float32(255)
    infinite[0, 0] = np.inf
    [expected] = scope(decode.read(encoded("PNG", grey)))
    for kind, values in (
        ("PNG", grey.astype(np.uint16) << 2),
        ("PNG", grey.astype(np.uint16) << 4),
        ("TIFF", grey / np.float32(255) * 1.7),
        ("TIFF", infinite),
    ):
        [result] = scope(decode.read(encoded(kind, values)))
        assert result.prediction.label == expected.prediction.label
        assert abs(result.prediction.confidence - expected.prediction.confidence) < 0.1


def test_a_folder_of_them_all(tmp_path: Path, model: str, portrait: Path) -> None:
    """One record for each, among 100 good pictures, within the memory and without other lines."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    face = PIL.Image.open(portrait).crop((150, 40, 310, 230))
    for number in range(100):
        face.save(folder / f"{number:03d}.jpg")
    expected = {}
    for name, (make, words) in hostile.PICTURES.items():
        (folder / name).write_bytes(make())
        expected[name] = words
    os.mkfifo(tmp_path / "pipe")
    (folder / "pipe.jpg").symlink_to(tmp_path / "pipe")
    (folder / "device.jpg").symlink_to("/dev/zero")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "socket"))
    (folder / "socket.jpg").symlink_to(tmp_path / "socket")
    for name in ("holes.jpg", "holes.png"):  # two at a time would not fit
        with (folder / name).open("wb") as file:
            file.truncate(200_000_000)
        expected[name] = "is not a readable picture"
    if os.access("/proc/kmsg", os.R_OK):  # it says that it is a regular file, and has no end
        (folder / "kernel.jpg").symlink_to("/proc/kmsg")
        expected["kernel.jpg"] = "is empty"
    special = "is not a regular file"
    expected |= dict.fromkeys(("pipe.jpg", "device.jpg", "socket.jpg"), special)

    command = [*COMMAND, "classify", folder, "--model", model, "--detector", "haar"]
    command += ["--jsonl", tmp_path / "out.jsonl", "--max-seconds", "2", "--workers", "2"]
    process = psutil.Popen(command, stderr=subprocess.PIPE, text=True)
    peak = 0
    while process.poll() is None:
        with_children = [process, *process.children()] if process.is_running() else []
        used = 0
        for one in with_children:
            try:
                used += one.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        peak = max(peak, used)
        time.sleep(0.05)
    listening.close()
    assert process.returncode == 1
    assert peak < 700e6
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert sorted(Path(record["path"]).name for record in records) == sorted(
        path.name for path in folder.iterdir()
    )
    errors = {Path(r["path"]).name: r["error"] for r in records if "error" in r}
    assert errors.keys() <= expected.keys()
    for name, words in expected.items():
        assert words in errors.get(name, "") or "takes more than" in errors[name]
    *lines, summary = process.communicate()[1].splitlines()
    total = len(records)
    progress = re.compile(rf"pictures: [\d,]+ of {total}, ")
    lines = [line for line in lines if not progress.match(line)]
    assert sorted(lines) == sorted(errors.values())
    assert summary.startswith(f"pictures: {total}, faces: ")
