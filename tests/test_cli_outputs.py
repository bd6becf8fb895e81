"""Where commands write: folders are made, results are kept, and one process writes at a time."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console import COMMAND, run
from genderscope.cli import app
from genderscope.inference.classifier import WEIGHTS

MODEL = WEIGHTS / "mini_xception.onnx"


def classify(*arguments: object, **options: object) -> subprocess.Popen[str]:
    command = [*COMMAND, "classify", "--detector", "haar", *map(str, arguments)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(command, text=True, **pipes, **options)


def test_one_output_has_one_writer_and_is_never_replaced_silently(
    model: str, portrait: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "below" / "faces.jsonl"
    with classify(portrait, "-", "--jsonl", out, "--batch-size", 1) as first:
        assert first.stderr is not None
        while not (tmp_path / "new/below/faces.jsonl.part").exists() and first.poll() is None:
            time.sleep(0.05)
        second = run("classify", portrait, "--jsonl", out, "--overwrite")
        assert not out.exists()  # it has no name before it is complete
        _, err = first.communicate("")
    busy = f"genderscope: {out} is being written by another process or another option\n"
    assert second.stderr == busy
    assert first.returncode == 1  # an empty standard input
    assert "standard input is empty" in err
    assert sorted(os.listdir(out.parent)) == ["faces.jsonl", "faces.jsonl.settings.json"]

    again = run("classify", portrait, "--jsonl", out)
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr == (
        f"genderscope: {out} exists: add --overwrite to replace it, or --resume to continue it\n"
    )
    new = tmp_path / "other.jpg"
    new.symlink_to(portrait)
    resumed = run("classify", portrait, new, "--jsonl", out, "--resume", "--detector", "haar")
    assert resumed.returncode == 1  # the output still holds the failed picture
    assert resumed.stderr.startswith("2 pictures were already done\n")
    assert resumed.stderr.splitlines()[-2:] == [
        "pictures: 1, faces: 1 (women: 1, men: 0, uncertain: 0), without a face: 0, failed: 0",
        "with earlier runs: pictures: 3, faces: 2 (women: 2, men: 0, uncertain: 0), without a "
        "face: 0, failed: 1",
    ]
    replaced = run("classify", portrait, "--jsonl", out, "--overwrite", "-q", "--detector", "haar")
    assert (replaced.returncode, replaced.stderr) == (0, "")
    assert len(out.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--jsonl new --csv new", "new is being written by another process or another option"),
        ("--jsonl new --sink csv=new", "new is being written by another process or another"),
        ("--sink jsonl=old", "old exists: add --overwrite to replace it"),
        ("--jsonl new --sink jsonl=other", "the sink jsonl is named twice; it takes one target"),
        ("--save-predictions http://a/b.csv --crops-are-faces", "http://a/b.csv is an address"),
        ("--csv s3://a/b.csv", "s3://a/b.csv is an address: give the path of a file or folder"),
        ("--parquet old", "old/_settings.json cannot be written: old is not a folder"),
    ],
)
def test_no_output_is_lost_to_another(
    portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old").write_text("earlier")
    result = CliRunner().invoke(app, ["classify", str(portrait), *options.split()])
    assert (result.exit_code, os.listdir()) == (2, ["old"])
    assert says in result.output


def test_a_pipe_or_device_gets_no_settings_beside_it(
    model: str, portrait: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with classify(portrait, "--jsonl", pipe) as process:
        lines = pipe.read_text().splitlines()
        _, err = process.communicate()
    assert (process.returncode, len(lines), os.listdir(tmp_path)) == (0, 1, ["pipe"]), err
    refused = run("classify", portrait, "--jsonl", pipe, "--resume")
    assert refused.returncode == 2
    assert "--resume needs exactly one output" in refused.stderr


def test_standard_output_by_its_path_is_not_replaced(
    model: str, portrait: Path, tmp_path: Path
) -> None:
    """A name in the folder of open files, to which /dev/stdout links."""
    name, kept = "/dev/fd/1", tmp_path / "all.jsonl"
    kept.write_text("earlier\n")
    with kept.open("a") as out:
        arguments = ("--detector", "haar", "--jsonl", name, "--overwrite", portrait)
        command = [*COMMAND, "classify", *map(str, arguments)]
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line[:8] for line in kept.read_text().splitlines()] == ["earlier", '{"path":']


def test_no_file_of_a_folder_is_lost(tmp_path: Path) -> None:
    table = tmp_path / "train.csv"
    table.write_text("file,label\n" + "".join(f"{n}.jpg,{n % 2}\n" for n in range(20)))
    before = table.read_text()
    done = run("split", f"table:{table}", "--out", tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"genderscope: {table} exists: add --overwrite to replace it\n"
    assert (os.listdir(tmp_path), table.read_text()) == (["train.csv"], before)


@pytest.mark.parametrize(
    ("sink", "head", "option"),
    [("jsonl", 0, "--resume continues"), ("csv", 1, "--overwrite starts over")],
)
def test_ctrl_c_says_how_to_go_on(
    model: str, portrait: Path, tmp_path: Path, sink: str, head: int, option: str
) -> None:
    out, part = tmp_path / f"faces.{sink}", tmp_path / f"faces.{sink}.part"
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(2000):
        (folder / f"{number:04d}.jpg").symlink_to(portrait)
    with classify(folder, f"--{sink}", out, "--batch-size", 1, "--workers", 1) as process:
        while (
            not (part.exists() and part.read_text().count("\n") > head) and process.poll() is None
        ):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    *_, advice, summary = err.splitlines()
    done = len(out.read_text().splitlines()) - head
    assert 1 <= done < 2000
    assert advice == f"interrupted: the same command with {option}"
    assert summary.startswith(f"pictures: {done}, faces: {done} ")


def test_a_result_is_counted_although_ctrl_c_interrupts_its_writing(
    model: str, portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "sinks" / "interrupted.py"
    plugin.parent.mkdir()
    plugin.write_text(
        "import os, signal\n"
        "from genderscope.sinks.jsonl import JsonLines\n"
        "class create(JsonLines):\n"
        "    def write(self, scene):\n"
        "        super().write(scene)\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        sum(range(1000))\n"
    )
    monkeypatch.setenv("GENDERSCOPE_PLUGINS", str(tmp_path))
    out = tmp_path / "faces.jsonl"
    with classify(portrait, portrait, "--sink", f"interrupted={out}") as process:
        _, err = process.communicate()
    assert process.returncode == 130
    assert len(out.read_text().splitlines()) == 1
    assert err.splitlines()[-1].startswith("pictures: 1, faces: 1 ")


def test_ctrl_c_while_modules_are_imported_is_no_traceback() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "genderscope", "models"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "typer" in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in rest


def test_no_output_replaces_an_input_or_a_picture(portrait: Path, tmp_path: Path) -> None:
    first, second, own = tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path / "own.onnx"
    for place, file in ((first, portrait), (second, portrait), (own, MODEL)):
        place.write_bytes(file.read_bytes())
    table = tmp_path / "t.csv"
    table.write_text("file,label\na.jpg,woman\n")
    evaluate = ("evaluate", "--dataset", f"table:{table}")
    for words, file, says in (
        # The shell makes this of --csv *.jpg.
        (("classify", "--csv", first, second), first, "is a picture"),
        (("classify", first, "--jsonl", tmp_path / "." / "a.jpg"), first, "is an input"),
        (("classify", first, "--model", own, "--csv", own), own, "is an input"),
        (("explain", first, "--sheet", first), first, "is an input"),
        ((*evaluate, "--json", table), table, "is an input"),
        ((*evaluate, "--save-predictions", table), table, "is an input"),
    ):
        content = file.read_bytes()
        refused = run(*words, "--overwrite", "--detector", "haar")
        assert refused.returncode == 2
        assert refused.stderr == f"genderscope: {file} {says}: choose another output\n"
        assert file.read_bytes() == content


@pytest.mark.parametrize("place", [".", "folder"])
@pytest.mark.parametrize(
    "words",
    [
        ("classify", "a.jpg", "--csv"),
        ("classify", "a.jpg", "--jsonl"),
        ("watch", "a.mp4", "--counts"),
        ("watch", "a.mp4", "--video"),
        ("demo", "--out"),
    ],
)
def test_a_folder_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    result = CliRunner().invoke(app, [*words, place, "--overwrite"])
    assert (result.exit_code, os.listdir()) == (2, ["folder"])
    assert re.search(f"'?{re.escape(place)}'? is a (folder: name a file|directory)", result.output)


def test_a_sink_may_write_into_the_current_folder(
    portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["classify", str(portrait), "--detector", "haar", "--sink", "annotate=."]
    refused = CliRunner().invoke(app, words)
    assert (refused.exit_code, os.listdir()) == (2, [])
    assert ". exists: add --overwrite" in refused.output
    assert CliRunner().invoke(app, [*words, "--overwrite"]).exit_code == 0
    assert os.listdir() == [portrait.name]


def test_closed_standard_input_is_empty() -> None:
    closed = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, "classify", "-", "--detector", "haar"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert closed.returncode == 1
    assert "standard input is empty" in closed.stderr
    assert "Traceback" not in closed.stderr


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (("evaluate", "--dataset", "folder:x"), "--json"),
        (("evaluate", "--dataset", "folder:x"), "--save-predictions"),
        (("card", "--write"), "--out"),
        (("explore", "folder:x"), "--out"),
    ],
)
def test_files_and_folders_are_not_standard_output(
    command: tuple[str, ...], option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*command, option, "-")
    assert done.returncode == 2
    assert f"{option} needs a file or folder; it cannot use standard output" in done.stderr
    assert not [*tmp_path.iterdir()]
