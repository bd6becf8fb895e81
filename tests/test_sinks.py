import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genderscope.core import plugins
from genderscope.core.errors import UsageError
from genderscope.core.records import SceneRecord, plain
from genderscope.core.types import Box, Face, Frame, Prediction, Result, Scene
from genderscope.imaging import decode
from genderscope.sinks import annotate

IMAGE = np.full((40, 50, 3), 128, np.uint8)
MARKS = ((12.0, 12.0), (20.123, 12.0), (16.0, 16.0), (13.0, 20.0), (19.0, 20.0))
FACES = (
    Result(Face(Box(10.004, 8, 12.5, 14), 0.75), Prediction((0.9, 0.1))),
    Result(Face(Box(30, 8, 12, 14), 1.0, MARKS), Prediction((0.45, 0.55), 0.7)),
)
ODD_NAME = b'caf\xe9, "one"\n.jpg'.decode(errors="surrogateescape")
SCENES = (
    Scene(Frame("a.jpg", IMAGE), FACES),
    Scene(Frame("empty.jpg", IMAGE)),
    Scene(Frame(ODD_NAME, error='it is broken, "so"')),
)
RECORDS: list[dict[str, Any]] = [
    {
        "path": "a.jpg",
        "faces": [
            {
                "box": {"x": 10.0, "y": 8, "width": 12.5, "height": 14},
                "label": "woman",
                "scores": {"woman": 0.9, "man": 0.1},
                "confidence": 0.9,
                "detector_score": 0.75,
                "roll_deg": 0.0,
            },
            {
                "box": {"x": 30, "y": 8, "width": 12, "height": 14},
                "label": "uncertain",
                "scores": {"woman": 0.45, "man": 0.55},
                "confidence": 0.55,
                "detector_score": 1.0,
                "landmarks": [[12, 12], [20.12, 12], [16, 16], [13, 20], [19, 20]],
                "roll_deg": 0.2,
                "yaw_deg": -0.5,
            },
        ],
    },
    {"path": "empty.jpg", "faces": []},
    {"path": ODD_NAME, "error": 'it is broken, "so"'},
]


def write(sink: str, target: str, scenes: tuple[Scene, ...] = SCENES) -> None:
    with plugins.load("sinks", sink).create(target) as opened:
        for scene in scenes:
            opened.write(scene)


def read(sink: str, content: str) -> list[dict[str, Any]]:
    if sink == "json":
        return json.loads(content)
    if sink == "jsonl":
        return [json.loads(line) for line in content.splitlines()]
    return list(csv.DictReader(content.splitlines(keepends=True)))


def test_a_record_holds_what_is_known() -> None:
    assert json.loads(json.dumps([plain(SceneRecord.of(scene)) for scene in SCENES])) == RECORDS


@pytest.mark.parametrize("sink", ["json", "jsonl"])
def test_texts_hold_one_record_a_picture(sink: str, tmp_path: Path) -> None:
    file = tmp_path / "out"
    write(sink, str(file))
    assert read(sink, file.read_text()) == RECORDS


@pytest.mark.parametrize("sink", ["json", "jsonl"])
def test_a_dash_is_standard_output(sink: str, capfd: pytest.CaptureFixture[str]) -> None:
    write(sink, "-", SCENES[:2])
    print("and it is open still")  # noqa: T201
    out, err = capfd.readouterr()
    content, _, rest = out.rpartition("and it")
    assert read(sink, content) == RECORDS[:2]
    assert rest
    assert not err


def test_records_can_be_read_while_others_come(tmp_path: Path) -> None:
    file = tmp_path / "out"
    with plugins.load("sinks", "jsonl").create(str(file)) as opened:
        opened.write(SCENES[0])
        assert read("jsonl", file.read_text()) == RECORDS[:1]


WRITER = """
import signal
from itertools import count
from genderscope.sinks import TextSink
signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    with TextSink("-") as sink:
        try:
            for number in count():
                sink.file.write(f"{number:06000}\\n")
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
except KeyboardInterrupt:
    pass
"""


def test_an_interrupt_writes_each_line_once_and_whole() -> None:
    """The reader is slow, so the interrupt meets a line that is written in part."""
    with subprocess.Popen([sys.executable, "-c", WRITER], stdout=subprocess.PIPE) as process:
        data = os.read(process.stdout.fileno(), 10_000)
        time.sleep(0.2)  # until the pipe is full
        process.terminate()
        time.sleep(0.2)
        data += process.stdout.read()
    lines = data.decode().splitlines(keepends=True)
    assert lines == [f"{number:06000}\n" for number in range(len(lines))]


def test_a_csv_has_a_row_for_each_face_and_no_formula(tmp_path: Path) -> None:
    file = tmp_path / "out"
    formula = Scene(Frame("=1+1.jpg", error="@is broken"))
    left = Result(Face(Box(-3, 8, 12, 14), 0.9), Prediction((0.9, 0.1)))
    write("csv", str(file), (*SCENES, formula, Scene(Frame("b.jpg", IMAGE), (left,))))
    rows = read("csv", file.read_text())
    odd = 'caf\\xe9, "one"\n.jpg'
    assert [row["path"] for row in rows] == [
        *("a.jpg", "a.jpg", "empty.jpg", odd, "'=1+1.jpg", "b.jpg")
    ]
    assert [row["label"] for row in rows] == ["woman", "uncertain", "", "", "", "woman"]
    assert [row["error"] for row in rows[2:5]] == ["", 'it is broken, "so"', "'@is broken"]
    assert rows[1]["man"] == "0.55"
    assert rows[1]["x"] == "30.0"
    assert rows[5]["x"] == "-3.0"  # a number
    assert not any(value for name, value in rows[2].items() if name != "path")


def test_no_picture_is_an_empty_array(tmp_path: Path) -> None:
    write("json", str(tmp_path / "out"), ())
    assert json.loads((tmp_path / "out").read_text()) == []


@pytest.mark.parametrize("sink", ["json", "jsonl", "csv", "annotate"])
def test_a_target_that_cannot_be_written_is_refused(sink: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "below"
    with pytest.raises(UsageError, match=f"{target} cannot be"):
        plugins.load("sinks", sink).create(str(target))


@pytest.mark.parametrize("sink", ["annotate", "parquet"])
def test_standard_output_is_no_folder(
    sink: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="standard output is not a folder"):
        plugins.load("sinks", sink).create("-")
    assert not list(tmp_path.iterdir())


def test_a_table_has_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="to standard output, not to"):
        plugins.load("sinks", "table").create(str(tmp_path / "table"))


def test_annotate_draws_every_picture_that_was_read(tmp_path: Path) -> None:
    write("annotate", str(tmp_path / "made" / "here"))
    files = sorted((tmp_path / "made" / "here").iterdir())
    assert [file.name for file in files] == ["a.jpg", "empty.jpg"]
    drawn, empty = map(decode.read, files)
    assert drawn.shape == empty.shape == IMAGE.shape
    assert np.ptp(drawn) > 100
    np.testing.assert_array_equal(empty, IMAGE)


def test_annotate_overwrites_nothing(tmp_path: Path) -> None:
    """Inputs of the same name, one of which lies in the very folder that is written."""
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    names = [here / "x.png", there / "x.png", there / "x.webp", here / "y.JPG", there / "x-2.png"]
    for name in names:
        name.write_bytes(b"original")
    write("annotate", str(here), tuple(Scene(Frame(str(name), IMAGE)) for name in names))
    assert all(name.read_bytes() == b"original" for name in names)
    written = sorted(file.name for file in here.iterdir() if file not in names)
    assert written == ["x-2-2.png", "x-2.png", "x-3.png", "x-4.png", "y-2.JPG"]
    for name in written:
        head = b"\xff\xd8" if name.endswith("JPG") else b"\x89PNG"
        assert (here / name).read_bytes().startswith(head)


def test_a_picture_too_wide_for_its_format_is_a_png(tmp_path: Path) -> None:
    wide = np.zeros((2, 70_000, 3), np.uint8)
    write("annotate", str(tmp_path), (Scene(Frame("wide.jpg", wide)),))
    assert [file.name for file in tmp_path.iterdir()] == ["wide.png"]
    with pytest.raises(UsageError, match="70000 x 2 pixels do not fit"):
        annotate.save(wide, tmp_path / "wide.jpg")


def test_the_table_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    write("table", "-")
    out, err = capsys.readouterr()
    assert not err
    heads, first, second, empty = (line.split() for line in out.splitlines())
    assert heads[0] == "picture"
    assert first[:3] == ["a.jpg", "woman", "90.0%"]
    assert second[:2] == ["uncertain", "55.0%"]
    assert empty == ["empty.jpg", "no", "face"]
