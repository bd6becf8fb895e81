"""What ``classify`` and ``explain`` take as pictures."""

import csv
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from threading import Thread

import PIL.Image
import pytest

from console import COMMAND, run
from genderscope.video.cameras import open_source


@pytest.fixture
def folder(tmp_path: Path, portrait: Path) -> Path:
    """A photograph, and files that look like some."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a[1].jpg").write_bytes(portrait.read_bytes())
    with tarfile.open(folder / "packed.tar", "w") as archive:
        archive.add(portrait, "a.jpg")
    for name in ("b.pdf", "c.CR2", "d.cr2", "notes.txt"):
        (folder / name).touch()
    return folder


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_every_way_to_name_a_picture(
    model: str, folder: Path, portrait: Path, address: str
) -> None:
    """Standard input, a quoted pattern, a folder twice, and addresses of the web."""
    places = (f"{folder}/?[[]1].*", f"{folder}/a[1].jpg", "photos", f"{folder}/", "-")
    addresses = (f"{address}/a[1].jpg", f"{address}/none.jpg")
    options = ("--detector", "haar", "--csv", "-", "--min-confidence", "0.5")
    with portrait.open("rb") as stream:
        done = subprocess.run(
            [*COMMAND, "classify", *places, *addresses, *options],
            stdin=stream,
            capture_output=True,
            text=True,
            check=False,
            cwd=folder.parent,
        )
    rows = list(csv.DictReader(done.stdout.splitlines()))
    photo = f"{folder}/a[1].jpg"
    assert [row["path"] for row in rows] == [
        *(photo, photo, "photos/a[1].jpg", "standard input"),
        *addresses,
    ]
    assert [row["label"] for row in rows] == ["woman"] * 5 + [""]
    assert "answered 404" in rows[-1]["error"]
    assert done.returncode == 1
    first, *_, last = done.stderr.splitlines()
    assert first.startswith("--min-confidence 0.5 is below the model's own 0.")
    assert "fewer answers are uncertain" in first
    assert last == "not read: 2 .cr2, 1 .pdf, 1 .tar"


def test_addresses_with_a_password_a_star_and_capitals(
    model: str, address: str, tmp_path: Path
) -> None:
    pytest.importorskip("aiohttp", reason="needs the extra [cluster]")
    secret = address.replace("//", "//user:hush@")
    places = (f"{secret}/packed.tar", f"{secret}/none.tar", f"{secret}/*.gif")
    written = (f"{secret}/a[1].jpg?token=hush*", address.replace("http", "HTTP") + "/a[1].jpg")
    done = run("classify", *places, *written, "--detector", "haar", "--jsonl", "-")
    assert done.returncode == 1
    assert [json.loads(line)["path"].lower() for line in done.stdout.splitlines()] == [
        *(f"{address}/{name}" for name in ("packed.tar/a.jpg", "none.tar", "*.gif")),
        *2 * [f"{address}/a[1].jpg"],
    ]
    assert "hush" not in done.stdout + done.stderr
    assert "failed: 2" in done.stderr
    out = tmp_path / "faces.jsonl"
    run("classify", *places, *written, "--detector", "haar", "--jsonl", out)
    settings = out.with_name("faces.jsonl.settings.json").read_text()
    assert "packed.tar" in settings
    assert "hush" not in settings


@pytest.mark.parametrize("command", [("classify",), ("explain", "--sheet", "x.png")])
def test_a_mistyped_path_is_wrong_usage(folder: Path, command: tuple[str, ...]) -> None:
    done = run(*command, "photos/b.jpg", folder, cwd=folder.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("genderscope: photos/b.jpg is not there; did you mean photos/")
    assert not (folder.parent / "x.png").exists()


def test_explain_says_that_it_reads_no_addresses(tmp_path: Path) -> None:
    done = run("explain", "http://a:hush@b/c.jpg", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr == (
        "genderscope: explain reads no addresses: download http://b/c.jpg first\n"
    )


def test_no_code_is_imported_from_the_folder_of_the_pictures(
    model: str, portrait: Path, tmp_path: Path
) -> None:
    PIL.Image.open(portrait).save(tmp_path / "a.webp")
    (tmp_path / "signal.py").write_text("raise SystemExit('imported')")
    command = [sys.executable, "-P", "-m", "genderscope", "classify", "a.webp", "--model", model]
    done = subprocess.run(
        [*command, "--detector", "haar"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("~/b.jpg", f"~/b.jpg is not there; write {Path.home()}/b.jpg: ~ is not expanded here"),
        ("photos/*.gif", "photos/*.gif matches no file"),
    ],
)
def test_a_path_that_names_nothing_says_why(folder: Path, path: str, says: str) -> None:
    done = run("classify", path, cwd=folder.parent)
    assert (done.returncode, done.stderr) == (2, f"genderscope: {says}\n")


def test_a_folder_without_pictures_says_so(model: str, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.nef").touch()
    (tmp_path / "raw" / "c.tar.gz").touch()
    (tmp_path / "raw" / "b.mov").write_bytes(b"\0\0\0\x14ftypqt  ")
    done = run("classify", "raw", "--detector", "haar", cwd=tmp_path)
    assert done.returncode == 1
    *_, unread, last = done.stderr.splitlines()
    assert (unread, last) == ("not read: 1 .gz, 1 .mov, 1 .nef", "no picture was found in raw")
    done = run("classify", "raw/b.mov", "--detector", "haar", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("raw/b.mov is a video: use 'genderscope watch'\n")


def test_photographs_of_iphones(model: str, portrait: Path, tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif", reason="needs the extra [heif]").register_heif_opener()
    PIL.Image.open(portrait).save(tmp_path / "IMG_1.HEIC", quality=90)
    with_extra = run("classify", tmp_path, "--detector", "haar", "--json")
    [record] = json.loads(with_extra.stdout)
    assert record["faces"][0]["label"] == "woman"

    hidden = tmp_path / "without" / "sitecustomize.py"
    hidden.parent.mkdir()
    hidden.write_text("import sys; sys.modules['pillow_heif'] = None")
    path = os.pathsep.join([str(hidden.parent), *filter(None, sys.path)])
    for place in (tmp_path, tmp_path / "IMG_1.HEIC"):
        done = subprocess.run(
            [*COMMAND, "classify", str(place), "--detector", "haar"],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": path},
        )
        assert done.returncode == 1
        assert "install" in done.stderr
        assert "[heif]" in done.stderr
    assert f"{place} is HEIC: " in done.stderr


def test_pictures_become_a_video_of_a_second_each(portrait: Path, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs the extra [video]")
    pictures = [shutil.copy(portrait, tmp_path / f"{name}.jpg") for name in "abc"]
    video = tmp_path / "all.mp4"
    done = run("classify", *pictures, "--detector", "haar", "--sink", f"video={video}")
    assert done.returncode == 0, done.stderr
    assert [frame.time_s for frame in open_source(str(video))] == pytest.approx([0, 1, 2])
