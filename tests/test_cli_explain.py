"""``explain`` and ``regions`` as people run them."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from genderscope.cli.explain import explain
from genderscope.cli.regions import regions
from genderscope.core.extras import installation
from genderscope.core.results import Estimate
from genderscope.evaluation.region_survey import RegionShare, RegionSurvey
from genderscope.evaluation.regions import REGIONS
from genderscope.imaging import decode
from genderscope.imaging.panels import GAP_PX, TEXT_PX, TILE_PX
from genderscope.inference.classifier import WEIGHTS

LAB = importlib.util.find_spec("onnx") is not None
WIDTH, HEIGHT = 3 * TILE_PX + 2 * GAP_PX, TILE_PX + TEXT_PX + GAP_PX


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    code = "from genderscope.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=os.environ | {"COLUMNS": "150"},
    )


def invoke(command, *arguments: object):
    app = typer.Typer()
    app.command()(command)
    found = CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "150"})
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


def test_a_column_that_is_not_there_is_refused_before_a_face_is_explained(tmp_path, portrait):
    (tmp_path / "woman").mkdir()
    (tmp_path / "woman" / "broken.jpg").touch()  # would be an error if it were read
    done = run("regions", "--dataset", f"folder:{tmp_path}", "--by", "race, age")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "genderscope: no face of the data set has a value for race, age\n"


@pytest.fixture
def pictures(tmp_path: Path, portrait: Path) -> Path:
    """A face, two faces, nobody and a broken file."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    image = cv2.imread(str(portrait))
    shutil.copy(portrait, folder / "one.jpg")
    cv2.imwrite(str(folder / "two.png"), np.hstack([image, image[:, ::-1]]))
    cv2.imwrite(str(folder / "nobody.png"), np.zeros((90, 90, 3), np.uint8))
    (folder / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    return folder


def test_every_face_is_shown_and_broken_pictures_are_rows(model, pictures, tmp_path):
    out, sheet = tmp_path / "out", tmp_path / "sheets" / "all.png"
    done = run(
        *("explain", ".", "--out", out, "--sheet", sheet, "--detector", "haar"),
        *("--model", model),
        cwd=pictures,
    )
    assert done.returncode == 1, done.stderr
    rows = [line.split()[:2] for line in done.stdout.splitlines()]
    for row in ("one.jpg 1", "two.png 1", "two.png 2", "nobody.png none", "torn.jpg failed"):
        assert row.split() in rows
    problem, summary = done.stderr.splitlines()
    assert problem.startswith("torn.jpg is not a readable picture")
    assert summary == "pictures: 4, faces: 3, failed: 1"
    assert sorted(file.name for file in out.iterdir()) == [
        "one-explained.png",
        "two-explained.png",
    ]
    one = decode.read(out / "one-explained.png")
    assert one.shape == (HEIGHT + 2 * GAP_PX, WIDTH + 2 * GAP_PX, 3)
    # The face in colour, its map in grey, and another picture of the face with heat on it.
    face, grey, both = (
        one[GAP_PX : GAP_PX + TILE_PX, left : left + TILE_PX].astype(int)
        for left in (GAP_PX + number * (TILE_PX + GAP_PX) for number in range(3))
    )
    assert (face.max(2) - face.min(2)).mean() > 5
    assert (grey.max(2) == grey.min(2)).all()
    assert grey.std() > 5
    assert 1 < abs(both - face).mean() < 60
    assert decode.read(sheet).shape[0] > 2 * HEIGHT


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_what_was_explained(model, portrait, tmp_path, number):
    folder, out, sheet = (tmp_path / name for name in ("pictures", "out", "sheet.png"))
    folder.mkdir()
    for name in range(500):
        (folder / f"{name}.jpg").symlink_to(portrait)
    options = ["--out", out, "--sheet", sheet, "--detector", "haar", "--model", model]
    command = [sys.executable, "-m", "genderscope", "explain", folder, *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(list(map(str, command)), text=True, **pipes) as process:
        while len(list(out.glob("*.png"))) < 2 and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(number)
        printed, err = process.communicate()
    assert process.returncode == 130
    notice, summary = err.splitlines()
    rows = len(printed.splitlines()) - 1
    assert 2 <= rows < 500
    assert (notice, summary[:10]) == ("interrupted", "pictures: ")
    assert decode.read(sheet).shape[0] > HEIGHT


def test_nothing_is_overwritten(model, portrait, tmp_path):
    out = tmp_path / "new" / "maps"
    for _ in range(2):
        done = invoke(explain, portrait, "--out", out, "--detector", "haar", "--model", model)
        assert done.exit_code == 0
    names = ["astronaut-explained-2.png", "astronaut-explained.png"]
    assert sorted(file.name for file in out.iterdir()) == names


def test_the_class_can_be_chosen(model, portrait, tmp_path):
    shown = {}
    for label in ("woman", "man", None):
        file = tmp_path / f"{label}.png"
        chosen = ["--class", label] if label else []
        done = invoke(
            explain, portrait, "--sheet", file, "--detector", "haar", "--model", model, *chosen
        )
        assert done.exit_code == 0
        shown[label] = decode.read(file)[: TILE_PX + GAP_PX]
    assert (shown["woman"] == shown[None]).all()
    assert (shown["woman"] != shown["man"]).any()


@pytest.mark.parametrize("method", ["saliency", "grad-cam"])
def test_the_other_methods_run_or_say_what_they_need(model, portrait, tmp_path, method):
    sheet = tmp_path / "sheet.png"
    done = run(
        *("explain", portrait, "--method", method, "--sheet", sheet, "--detector", "haar"),
        *("--model", model),
    )
    if LAB:
        assert done.returncode == 0, done.stderr
        assert decode.read(sheet).shape[1] == WIDTH + 2 * GAP_PX
    else:
        assert done.returncode == 2
        assert done.stderr == f"genderscope: this needs onnx: {installation('lab')}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to write: give --out DIR, --sheet FILE or both"),
        (["--sheet", "x.txt"], "x.txt should end in one of .jpg, .jpeg, .png"),
        (["--sheet", "x.png", "--model", "giant"], "no model 'giant'"),
    ],
)
def test_wrong_usage_is_2(model, portrait, arguments, message):
    done = run("explain", portrait, "--detector", "haar", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not LAB, reason="needs the extra [lab]")
@pytest.mark.parametrize("method", ["saliency", "grad-cam"])
def test_files_that_are_no_models_are_one_line(portrait, tmp_path, method):
    (tmp_path / "text.onnx").write_text("no model")
    guided = shutil.copy(WEIGHTS / "mini_xception.guided.onnx", tmp_path)
    for file, reason in [(tmp_path / "text.onnx", "cannot be"), (guided, "is a guided graph")]:
        done = run(
            *("explain", portrait, "--method", method, "--sheet", tmp_path / "x.png"),
            *("--detector", "haar", "--model", file),
        )
        assert done.returncode == 2
        assert reason in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not LAB, reason="needs the extra [lab]")
def test_any_exported_model_can_be_explained(model, portrait, tmp_path):
    file = tmp_path / "mine.onnx"
    shutil.copy(WEIGHTS / f"{model}.onnx", file)
    command = ("explain", portrait, "--model", file, "--out", tmp_path, "--detector", "haar")
    refused = run(*command)
    assert refused.returncode == 2
    assert f"'genderscope export {file}' writes one" in refused.stderr
    done = run("export", file)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'mine.guided.onnx'}\n"), done.stderr
    assert run(*command).returncode == 0
    told = run("export", file, "--cache", tmp_path)
    assert (told.returncode, "--cache requires a run's folder" in told.stderr) == (2, True)


def test_regions_over_a_data_set(model, portrait, tmp_path):
    pytest.importorskip("sklearn", reason="needs the extra [eval]")
    image = cv2.imread(str(portrait))
    for label in ("woman", "man"):
        (tmp_path / "set" / label).mkdir(parents=True)
        for number in range(33 if label == "woman" else 2):
            light = cv2.convertScaleAbs(image, alpha=1 - number / 100)[: 300 + number, 50:350]
            cv2.imwrite(str(tmp_path / "set" / label / f"{number}.png"), light)
    cv2.imwrite(str(tmp_path / "set" / "woman" / "nobody.png"), np.zeros((90, 90, 3), np.uint8))
    (tmp_path / "set" / "man" / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    table = tmp_path / "set.csv"
    pictures = sorted(path for path in tmp_path.glob("set/*/*"))
    lines = [f"{path},{path.parent.name},{len(path.stem) % 2}" for path in pictures]
    table.write_text("\n".join(["file,label,length", *lines]))
    file, maps = tmp_path / "out" / "regions.json", tmp_path / "maps"
    done = invoke(
        *(regions, "--dataset", f"table:{table}", "--model", model, "--by", "length"),
        *("--detector", "haar", "--json", file, "--maps", maps, "--batch-size", 8),
    )
    assert done.exit_code == 1
    assert "torn.jpg" in done.stderr
    found = RegionSurvey.load(file)
    assert (found.n, found.by_box, found.not_detected) == (35, 35, 1)
    assert len(found.unreadable) == 1
    *of_labels, even, odd = found.groups
    assert [(of.column, of.group) for of in (even, odd)] == [("length", "0"), ("length", "1")]
    assert even.n + odd.n == 35
    wrong = [round(of.error * of.n) for of in (even, odd)]
    groups = {(group.label, group.answers): group for group in of_labels}
    assert len(groups) == 9
    assert sum(wrong) == groups["all", "wrong"].n
    assert groups["woman", "all"].n == 33
    for label in ("all", "woman", "man"):
        parts = [groups[label, answers].n for answers in ("right", "wrong")]
        assert sum(parts) == groups[label, "all"].n
    for group in groups.values():
        assert list(group.regions) == list(REGIONS)
        cells = list(group.regions.values())
        if group.n < 30:
            withheld = Estimate(n=group.n, value=None, interval=None)
            assert cells[0] == RegionShare(share=withheld, area=None)
            continue
        assert sum(cell.share.value for cell in cells) == pytest.approx(1)
        assert sum(cell.area for cell in cells) == pytest.approx(1)
        for cell in cells:
            low, high = cell.share.interval
            assert 0 <= low <= cell.share.value <= high <= 1
    assert "n too small" in done.stdout
    [drawn] = maps.iterdir()
    assert drawn.name == f"{model}-average-maps.png"
    assert decode.read(drawn).shape[1] == 2 * TILE_PX + 3 * GAP_PX


def test_too_few_faces_and_missing_landmarks_are_said(model, portrait, tmp_path):
    pytest.importorskip("sklearn", reason="needs the extra [eval]")
    (tmp_path / "woman").mkdir()
    shutil.copy(portrait, tmp_path / "woman")
    options = ("--model", model, "--detector", "haar", "--maps", tmp_path / "maps")
    done = run("regions", "--dataset", f"folder:{tmp_path}", *options)
    assert done.returncode == 0
    maps, landmarks = done.stderr.splitlines()
    assert maps == "no average maps: no label has 30 faces with the same answer"
    assert landmarks.startswith("1 faces have no landmarks and were divided like the average face")
    assert not (tmp_path / "maps").exists()


def test_a_data_set_without_faces_is_said(model, tmp_path):
    pytest.importorskip("sklearn", reason="needs the extra [eval]")
    (tmp_path / "man").mkdir()
    cv2.imwrite(str(tmp_path / "man" / "nobody.png"), np.zeros((90, 90, 3), np.uint8))
    done = run("regions", "--dataset", f"folder:{tmp_path}", "--model", model, "--detector", "haar")
    assert done.returncode == 2
    assert "no labelled face was detected" in done.stderr
