"""The console command as people run it: in a process of its own."""

import csv
import json
import os
import shlex
import signal
import subprocess
import sys
import tarfile
from inspect import signature
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from console import COMMAND, run
from genderscope import __version__, detection
from genderscope.cli import PANELS, _renamed
from genderscope.cli._options import DetectorOptions
from genderscope.core import plugins
from genderscope.core.terminal import printable
from genderscope.evaluation import predictions
from genderscope.imaging import decode


@pytest.fixture
def pictures(tmp_path: Path, portrait: Path) -> Path:
    """Good pictures mixed with broken ones."""
    folder = tmp_path / "pictures"
    (folder / "inside").mkdir(parents=True)
    data = portrait.read_bytes()
    for name, content in {
        "a.jpg": data,
        "b, cut.jpg": data[: len(data) // 2],
        "c, empty.png": b"",
        "d, text.jpg": b"this is no picture",
        "e\n\x1b[31m.jpg": b"nor is this",
        "inside/f.jpg": data,
        "notes.txt": b"not even tried",
    }.items():
        (folder / name).write_bytes(content)
    cv2.imwrite(str(folder / "inside" / "g, nobody.png"), np.zeros((90, 90, 3), np.uint8))
    return folder


FAILED = ("b, cut.jpg", "c, empty.png", "d, text.jpg", "e")


def test_version() -> None:
    result = run("--version")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{__version__}\n", "")


def test_help_lists_every_command_on_one_line_of_its_panel() -> None:
    result = run("--help")
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    for name in plugins.names("cli"):
        [line] = [line for line in lines if line.startswith(f"  {name.replace('_', '-')} ")]
        assert len(line) <= 80
        assert line.endswith(".")
        assert not line.endswith("...")
        assert plugins.load("cli", name).PANEL in PANELS
    headings = [line.removesuffix(":") for line in lines if line.endswith(":")]
    assert headings == ["Options", *PANELS]
    assert "0 success, 1 some pictures failed, 2 usage error" in result.stdout


def test_a_shell_completes_commands() -> None:
    words = {"_GENDERSCOPE_COMPLETE": "complete_bash", "COMP_WORDS": "genderscope cla"}
    done = subprocess.run(
        COMMAND,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | words | {"COMP_CWORD": "1"},
    )
    assert (done.returncode, done.stdout) == (0, "classify\n")
    assert "--install-completion" in run("--help").stdout


def test_help_imports_nothing_slow() -> None:
    code = (
        "import sys\n"
        "from genderscope.cli import app\n"
        "app(['--help'], standalone_mode=False)\n"
        "sys.exit(str({'numpy', 'rich', 'genderscope.cli.train'} & sys.modules.keys() or ''))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.stderr.strip() == ""
    assert result.stdout.startswith("Usage: ")


def test_the_installed_command() -> None:
    installed = Path(sys.executable).with_name("genderscope")
    if not installed.exists():
        pytest.skip("needs the package installed")
    result = subprocess.run([installed, "--help"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, run("--help").stdout)


@pytest.mark.parametrize("arguments", [["--csv", ""], ["--csv="], [""]])
def test_an_empty_argument_is_refused(arguments: list[str], portrait: Path) -> None:
    result = run("classify", portrait, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert "An argument is empty; is a variable not set?" in result.stderr


def test_a_name_that_the_output_cannot_encode_is_escaped(portrait: Path, tmp_path: Path) -> None:
    (tmp_path / "日本.jpg").symlink_to(portrait)
    result = subprocess.run(
        [*COMMAND, "classify", "日本.jpg", "--detector", "haar"],
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert r"\u65e5\u672c.jpg" in result.stdout


def test_after_two_dashes_is_no_option(portrait: Path, tmp_path: Path) -> None:
    (tmp_path / "-q").symlink_to(portrait)
    result = run("classify", "--detector", "haar", "--", "-q", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stderr.startswith("pictures: 1, ")


def test_an_old_command_runs_under_its_new_name(capsys: pytest.CaptureFixture[str]) -> None:
    renamed = _renamed.command(["check-leaks", "a", "--out", "b"], ["leakage", "train"])
    assert renamed == ["leakage", "a", "--out", "b"]
    notice = capsys.readouterr().err
    assert notice == (
        "genderscope: check-leaks is now called leakage; the next version drops check-leaks\n"
    )
    assert _renamed.command(["train", "check-leaks"], ["leakage", "train"])[0] == "train"
    assert _renamed.command(["check-leaks"], ["check-leaks"]) == ["check-leaks"]
    assert not capsys.readouterr().err


def test_an_old_option_is_read_under_its_new_name(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--altered=x", "--start", "y", "--", "--start"]
    renamed = _renamed.options("train", given, {"--occlusions", "--init-from"})
    assert renamed == ["--occlusions=x", "--init-from", "y", "--", "--start"]
    assert capsys.readouterr().err.count("\n") == 2
    assert _renamed.options("train", given, {"--altered", "--start"}) == given
    assert _renamed.options("audit", given, {"--occlusions", "--init-from"}) == given
    assert not capsys.readouterr().err


def test_defaults_of_the_detector_are_those_in_the_help() -> None:
    parameters = signature(detection.create).parameters
    for name, default in DetectorOptions.DEFAULTS.items():
        assert parameters[name].default == default


@pytest.mark.parametrize("options", [None, [], ["--json"]])
def test_a_closed_standard_output_is_an_error(options: list[str] | None, portrait: Path) -> None:
    arguments = ["--version"] if options is None else ["classify", str(portrait), *options]
    closed = subprocess.run(
        shlex.join([*COMMAND, *arguments]) + " >&-",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert closed.returncode == 1
    [line] = [line for line in closed.stderr.splitlines() if not line.startswith("pictures: ")]
    assert line.startswith("genderscope: ")
    assert line.endswith(" output: Bad file descriptor")


@pytest.mark.parametrize("name", plugins.names("cli"))
def test_every_command_has_help(name: str) -> None:
    result = run(name.replace("_", "-"), "--help")
    assert result.returncode == 0, result.stderr
    assert not result.stderr
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "No such command 'nothing'"),
        (["clasify", "x.jpg"], "No such command 'clasify'; did you mean 'classify'?"),
        (["classify", "x.jpg", "--jsnl", "y"], "Possible options: --jso"),
        (["classify"], "Missing argument"),
        (["classify", "x.jpg", "--nothing"], "No such option"),
        (["classify", "x.jpg", "--min-confidence", "2"], "Invalid value for '--min-confidence'"),
        (["classify", __file__, "--model", "nothing"], "genderscope: no model 'nothing'"),
        (["classify", "x.jpg", "--json", "--csv", "-"], "genderscope: only one of --json"),
    ],
)
def test_wrong_usage_is_2(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert not result.stdout
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--detector", "nothing"], "no detector 'nothing'; there are: haar, yunet"),
        (["--detector", "haar", "--detector-model", "x"], "haar takes no weights"),
        (["--detector", "yunet", "--detector-model", "x"], "YuNet's weights are missing"),
        (["--csv", f"{__file__}/x.csv"], f"{__file__}/x.csv cannot be written"),
    ],
)
def test_options_that_cannot_be_met_are_2(
    arguments: list[str], message: str, model: str, portrait: Path
) -> None:
    result = run("classify", portrait, "--model", model, *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith(f"genderscope: {message}")
    assert result.stderr.count("\n") == 1
    assert not result.stdout


@pytest.mark.parametrize(
    ("arguments", "notice", "message"),
    [
        (
            ["classify", "x.jpg", "--predictions", "p.csv"],
            "--predictions is now called --save-predictions",
            "--save-predictions needs --crops-are-faces",
        ),
        (
            ["check-leaks", "folder:x"],
            "check-leaks is now called leakage",
            "at least two data sets",
        ),
        (
            ["prepare", "folder:x", "--out", "crops", "--spec", "nothing"],
            "--spec is now called --preset",
            "no preset 'nothing'",
        ),
    ],
)
def test_old_names_work_with_a_notice(
    arguments: list[str], notice: str, message: str, tmp_path: Path
) -> None:
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    first, second = result.stderr.splitlines()
    assert first.startswith(f"genderscope: {notice}; ")
    assert message in second


def classify(model: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return run("classify", "--model", model, "--detector", "haar", *arguments)


def test_a_table_by_default(model: str, portrait: Path) -> None:
    result = classify(model, portrait)
    assert result.returncode == 0
    assert "woman" in result.stdout
    assert result.stderr == (
        "pictures: 1, faces: 1 (women: 1, men: 0, uncertain: 0), without a face: 0, failed: 0\n"
    )


def test_left_out_faces_are_told(model: str, portrait: Path) -> None:
    result = classify(model, portrait, "--json", "--min-face-px", 100)
    assert result.stderr.endswith(
        "; smaller than 100 px and left out: 1 (--min-face-px 50 includes them)\n"
    )
    [record] = json.loads(result.stdout)
    assert (record["faces"], record["left_out"]) == ([], {"small": 1, "faint": 0})
    ignored = classify(model, portrait, "--json", "--ignore-region", "0,0,512,512")
    assert json.loads(ignored.stdout)[0]["faces"] == []


def test_a_terminal_is_told_of_a_better_detector(model: str, portrait: Path) -> None:
    pty = pytest.importorskip("pty", reason="needs a pseudo-terminal")
    leader, terminal = pty.openpty()
    command = [*COMMAND, "classify", portrait, "--model", model, "--detector", "haar"]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=terminal, check=True)
    os.close(terminal)
    assert b"models pull yunet" in os.read(leader, 4096)
    os.close(leader)


def test_broken_files_among_good_ones(model: str, pictures: Path) -> None:
    result = classify(model, pictures, "--json")
    assert result.returncode == 1
    records = json.loads(result.stdout)
    names = [record["path"].removeprefix(f"{pictures}/") for record in records]
    assert names == [
        *("a.jpg", *FAILED[:3], "e\n\x1b[31m.jpg", "inside/f.jpg", "inside/g, nobody.png")
    ]
    for name, record in zip(names, records, strict=True):
        if name.startswith(FAILED):
            assert record["error"].startswith(printable(record["path"]))
        else:
            assert len(record["faces"]) == ("nobody" not in name)
    *failures, summary = result.stderr.splitlines()
    assert len(failures) == 4  # one line each, without control characters
    assert r"e\n\x1b[31m.jpg is not a readable picture" in failures[3]
    counts = "pictures: 7, faces: 2 (women: 2, men: 0, uncertain: 0), without a face: 1, failed: 4"
    assert summary == counts


def test_every_sink_at_once(model: str, pictures: Path, tmp_path: Path) -> None:
    jsonl, annotated = tmp_path / "out.jsonl", tmp_path / "annotated"
    arguments = ("--jsonl", jsonl, "--csv", "-", "--annotate", annotated, "--batch-size", 1)
    result = classify(model, pictures, *arguments)
    assert result.returncode == 1
    records = [json.loads(line) for line in jsonl.read_text().splitlines()]
    rows = list(csv.DictReader(result.stdout.splitlines(keepends=True)))
    assert [row["path"] for row in rows] == [record["path"] for record in records]
    for row, record in zip(rows, records, strict=True):
        assert row["error"] == record.get("error", "")
        labels = [face["label"] for face in record.get("faces", ())]
        assert [row["label"]] == (labels or [""])
    assert sorted(file.name for file in annotated.iterdir()) == ["a.jpg", "f.jpg", "g, nobody.png"]


def test_names_that_no_file_can_have(model: str, portrait: Path, tmp_path: Path) -> None:
    """Names in archives: the run goes on, and outputs stay in their folder, each under its own."""
    pa = pytest.importorskip("pyarrow", reason="needs the extra [eval]")
    pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra [eval]")
    long = f"{'n' * 296}.jpg"
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in (long, f"../../{long}", "A.jpg", "a.jpg", "=1+1.jpg"):
            archive.add(portrait, name)
    names = ["nul\0.jpg", "../up.jpg", "\u202egpj.x", "", "line\nfeed\x1b[31m.png"]
    data = [portrait.read_bytes()] * 2 + [b"", b"x", portrait.read_bytes()]
    pq.write_table(pa.table({"image": data, "path": names}), tmp_path / "b.parquet")
    out = tmp_path / "out" / "annotated"
    places = (tmp_path / "a.tar", tmp_path / "b.parquet")
    done = classify(model, *places, "--annotate", out, "--csv", "-")
    assert done.returncode == 1
    rows = list(csv.DictReader(done.stdout.splitlines(keepends=True)))
    assert len(rows) == 10
    expected = {f"{'n' * 180}.jpg", f"{'n' * 180}-2.jpg", "A.jpg", "a-2.jpg", "=1+1.jpg"}
    expected |= {"nul_.jpg", "up.jpg", "line_feed_[31m.png"}
    assert {file.name for file in out.iterdir()} == expected
    assert os.listdir(out.parent) == ["annotated"]
    errors = [line for line in done.stderr.splitlines() if line.startswith(str(tmp_path))]
    assert len(errors) == 2
    assert errors[0].endswith(r"b.parquet/\u202egpj.x is empty; get another copy")


def test_annotated_pictures_are_not_read_again(model: str, pictures: Path) -> None:
    arguments = (pictures / "inside", "--annotate", pictures / "inside" / "out", "--json")
    runs = [json.loads(classify(model, *arguments).stdout) for _ in range(2)]
    assert runs[0] == runs[1]
    assert len(runs[0]) == 2


def test_crops_that_are_faces_give_one_each(model: str, pictures: Path) -> None:
    result = classify(model, pictures / "a.jpg", pictures / "inside", "--crops-are-faces", "--json")
    assert result.returncode == 0
    assert [len(record["faces"]) for record in json.loads(result.stdout)] == [1, 1, 1]


def test_faces_become_a_table_of_predictions(model: str, pictures: Path, tmp_path: Path) -> None:
    table = tmp_path / "out" / "predictions.csv"
    arguments = ("--crops-are-faces", "--save-predictions", table)
    result = classify(model, pictures / "a.jpg", pictures / "c, empty.png", *arguments)
    assert result.returncode == 1  # one is empty
    rows = predictions.read(table)
    assert rows.files == (str(pictures / "a.jpg"), str(pictures / "c, empty.png"))
    assert rows.truth.tolist() == [-1, -1]
    assert (rows.labels[0], rows.labels[1]) == (0, -1)
    assert 0 <= rows.score[0] < 0.5

    without = classify(model, pictures / "a.jpg", "--save-predictions", tmp_path / "new.csv")
    assert without.returncode == 2
    assert "--save-predictions needs --crops-are-faces" in without.stderr


def test_options_reach_what_they_name(model: str, portrait: Path) -> None:
    def faces(*arguments: object) -> list[dict[str, Any]]:
        [record] = json.loads(classify(model, portrait, "--json", *arguments).stdout)
        return record.get("faces", record.get("error"))

    [face] = faces()
    assert faces("--min-face-px", 200) == []
    assert faces("--min-confidence", 1)[0]["label"] == "uncertain"
    assert faces("--min-confidence", 1)[0]["scores"] == face["scores"]
    assert "above the limit of 1,000" in faces("--max-pixels", 1000)


def test_yunet_gives_landmarks(model: str, portrait: Path, shared: Path) -> None:
    weights = next(shared.glob("models/*yunet*.onnx"))
    result = run("classify", portrait, "--model", model, "--detector-model", weights, "--json")
    [record] = json.loads(result.stdout)
    assert len(record["faces"][0]["landmarks"]) == 5
    none = run(
        *("classify", portrait, "--model", model, "--detector-model", weights, "--json"),
        *("--min-score", 0.99),
    )
    assert json.loads(none.stdout)[0]["faces"] == []


def test_a_closed_pipe_is_silent(model: str, portrait: Path) -> None:
    paths = [portrait] * 20
    arguments = ["classify", "--model", model, "--jsonl", "-", "--batch-size", "1", *paths]
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["faces"]
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_an_interrupt_is_130(model: str, portrait: Path, tmp_path: Path) -> None:
    for number in range(99):
        (tmp_path / f"{number:02d}.jpg").symlink_to(portrait)
    arguments = ["classify", "--model", model, "--jsonl", "-", "--batch-size", "1", tmp_path]
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["faces"]  # what is result is written
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert len([json.loads(line) for line in out.splitlines()]) < 98  # whole lines, not all
    assert b"Traceback" not in err


def test_demo(model: str, tmp_path: Path) -> None:
    result = run("demo", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "woman" in result.stdout
    [file] = tmp_path.iterdir()
    assert result.stdout.endswith(f"The annotated portrait is in {file}\n")
    assert decode.read(file).shape == (512, 512, 3)


@pytest.mark.parametrize(
    ("out", "message"), [("x.txt", "should end in"), ("file/x.png", "cannot be written")]
)
def test_demo_without_a_place_to_write_is_2(
    model: str, out: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    result = run("demo", "--out", out, cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
