"""Outputs on a disk that is full: one line, exit code 1, nothing half under its final name."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from audits import predicted
from console import COMMAND
from genderscope import cli
from genderscope.core import storage
from genderscope.core.errors import UsageError
from genderscope.evaluation import predictions
from genderscope.imaging import decode

if sys.platform == "win32":
    pytest.skip("needs limits of files", allow_module_level=True)


@contextmanager
def full(size: int) -> Iterator[None]:
    """No file can be larger than this."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, list(map(str, arguments)))


@pytest.fixture
def pictures(tmp_path: Path, portrait: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    small = cv2.resize(decode.read(portrait), (200, 200))
    for number in range(12):
        cv2.imwrite(str(folder / f"{number:02d}.jpg"), small)
    return folder


CLASSIFY = ("classify", "--detector", "haar", "--workers", 1, "--batch-size", 1)


@pytest.mark.parametrize(
    ("option", "output"),
    [("--jsonl", "a.jsonl"), ("--csv", "a.csv"), ("--annotate", "new"), ("--parquet", "new")],
)
def test_classify(option: str, output: str, model: str, pictures: Path, tmp_path: Path) -> None:
    place = tmp_path / "out" / output
    place.parent.mkdir()
    with full(1500):
        done = invoke(*CLASSIFY, option, place, pictures)
    assert done.exit_code == 1, done.output
    line = done.stderr.splitlines()[-1]
    assert line.startswith("genderscope: ")
    assert line.endswith(("File too large", "No space left on device"))
    assert output in line
    assert not place.is_file()
    assert not any(file.is_file() for file in place.glob("[!_]*"))
    if option == "--jsonl":
        continued = invoke(*CLASSIFY, option, place, "--resume", pictures)
        assert continued.exit_code == 0, continued.output
        paths = [json.loads(line)["path"] for line in place.read_text().splitlines()]
        assert sorted(paths) == sorted(map(str, pictures.iterdir()))


def test_other_commands(model: str, pictures: Path, portrait: Path, tmp_path: Path) -> None:
    pytest.importorskip("scipy", reason="needs the extra [eval]")
    pytest.importorskip("pyarrow", reason="needs the extra [eval]")
    predictions.write(tmp_path / "vendor.csv", predicted())
    for name in ("woman", "man"):
        (tmp_path / "faces" / name).mkdir(parents=True)
        (tmp_path / "faces" / name / "a.jpg").write_bytes(portrait.read_bytes())
    faces = f"folder:{tmp_path / 'faces'}"
    for number, arguments in enumerate(
        [
            ["audit", "--predictions", tmp_path / "vendor.csv", "--by", "race", "--out"],
            ["explain", portrait, "--out"],
            ["prepare", faces, "--given-boxes", "--jobs", 1, "--out"],
        ]
    ):
        out = tmp_path / f"out{number}"
        with full(2000):
            done = invoke(*arguments, out)
        assert done.exit_code == 1, done.output
        assert "Traceback" not in done.output
        assert done.stderr.splitlines()[-1].startswith("genderscope: ")
        left = [file.name for file in out.rglob("*") if file.is_file()]
        assert not [name for name in left if name.endswith((".html", ".png", ".npy", ".arrow"))]


def test_a_video_ends_where_the_disk_does(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs the extra [video]")
    from genderscope.core.types import Frame, Scene
    from genderscope.sinks import video

    noise = np.random.default_rng(0).integers(0, 256, (60, 120, 160, 3), np.uint8)

    def film() -> None:
        with video.create(str(tmp_path / "a.mp4")) as sink:
            for index, image in enumerate(noise):
                sink.write(Scene(Frame("", image, index=index, time_s=index / 25)))

    with full(50_000), pytest.raises(UsageError, match=r"a.mp4 cannot be written: (File|No space)"):
        film()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["--json"], ["--jsonl", "-"], []])
def test_standard_output(arguments: list[str], model: str, portrait: Path) -> None:
    with open("/dev/full", "w") as device:
        done = subprocess.run(
            [*COMMAND, *map(str, CLASSIFY), *arguments, str(portrait)],
            stdout=device,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if not line.startswith("pictures: ")]
    assert line.startswith("genderscope: ")
    assert line.endswith("output: No space left on device")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_help() -> None:
    with open("/dev/full", "w") as device:
        command = [*COMMAND, "--help"]
        done = subprocess.run(
            command, stdout=device, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "genderscope: the output: No space left on device\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_small_file_system(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(tmp_path)], check=False
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        storage.write_whole(tmp_path / "old", b"x" * 4000)
        for name in ("old", "new"):
            with pytest.raises(OSError, match=f"No space left on device: .*{name}"):
                storage.write_whole(tmp_path / name, b"x" * 40_000)
        assert os.listdir(tmp_path) == ["old"]
        assert (tmp_path / "old").stat().st_size == 4000
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
