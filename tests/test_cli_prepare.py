"""``genderscope prepare`` as people run it: in a process of its own."""

import re
import signal
import subprocess
import time

import cv2
import numpy as np
import pytest

from console import COMMAND, run
from genderscope.data.prepare.crops import Crops
from genderscope.imaging.preprocess import PRESETS
from imdb_mat import table, write

pytest.importorskip("pyarrow", reason="needs the extra [eval]")


@pytest.fixture
def source(tmp_path, portrait):
    """Four good pictures in folders of classes, one that is broken, one without a class."""
    picture = portrait.read_bytes()
    for name in ("woman/a.jpg", "woman/b.jpg", "man/c.jpg", "man/d.jpg", "man/broken.jpg", "e.jpg"):
        file = tmp_path / "faces" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture[:3000] if "broken" in name else picture)
    return f"folder:{tmp_path / 'faces'}"


def test_makes_a_cache_counts_failures_and_goes_on(source, tmp_path):
    out = tmp_path / "new" / "cache"
    options = ("--preset", "paper", "--given-boxes", "--out", out, "--jobs", 1)
    done = run("prepare", source, *options)
    assert done.returncode == 1, done.stderr
    assert done.stdout == f"4 crops in {out}, 1 pictures failed\n"
    assert done.stderr.splitlines() == [
        "removed by the condition 'gender known': 1",
        "failed: 1: the picture is broken; get another copy",
    ]
    assert Crops(out).labels.tolist() == [1, 1, 0, 0]
    assert Crops(out).manifest.sources == ("folder",)

    again = run("prepare", source, *options)
    assert (again.returncode, again.stdout) == (1, done.stdout)
    other = run("prepare", source, "--given-boxes", "--out", out)
    assert other.returncode == 2
    assert "spec.name was 'paper' and is 'aligned'" in other.stderr
    (tmp_path / "faces" / "man" / "broken.jpg").unlink()
    changed = run("prepare", source, *options)
    assert changed.returncode == 2
    assert "samples was 5 and is 4" in changed.stderr
    anew = run("prepare", source, *options[:-3], tmp_path / "anew", "--jobs", 1)
    assert anew.returncode == 0, anew.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--preset", "square"], "no preset 'square'; there are: paper, aligned"),
        (["--engine", "dask"], "no engine 'dask'; there are: local, ray"),
        (["--given-boxes", "--detector", "haar"], "--given-boxes uses no detector"),
        (["--no-second-face", "--max-second-face-score", "1"], "drop --max-second-face-score"),
        (["--preview", "sheet.jpg"], "--preview writes a .png"),
        (["--min-age", "9", "--max-age", "8"], "no age is at least 9 and at most 8"),
        (["--min-age", "9"], "no pictures to cut"),
        (["--split", "test"], "test is not a folder"),
        (["--detector", "eyes"], "no detector 'eyes'"),
        (["--counterfactual", "worn"], "no condition 'worn'; there are: random, head scarf"),
        (["--counterfactual", "hat,beard"], "no condition 'hat,beard'"),
    ],
)
def test_refusals_leave_nothing_behind(source, tmp_path, options, message):
    done = run("prepare", source, "--out", tmp_path / "cache", *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "cache").exists()


def test_a_data_set_is_not_taken_twice(source, tmp_path):
    done = run("prepare", source, source, "--out", tmp_path / "cache")
    assert done.returncode == 2
    assert f"{source} is named twice" in done.stderr
    assert not (tmp_path / "cache").exists()


def test_selects_and_mixes(source, tmp_path, portrait):
    pytest.importorskip("scipy", reason="needs the extra [eval]")
    columns = table(rows=200, seed=1)
    write(tmp_path / "imdb.mat", columns)
    for name in columns["full_path"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(portrait)
    selection = ("--min-face-score", 4, "--no-second-face", "--max-age", 40)
    out = tmp_path / "cache"
    done = run(
        "prepare", f"imdb:{tmp_path}?split=all", source, "--given-boxes", "--out", out, *selection
    )
    # The folder's pictures have no scores, so none of them is taken.
    manifest = Crops(out).manifest
    removed = dict(re.findall(r"removed by the condition '(.+)': (\d+)", done.stderr))
    assert list(removed) == [
        "gender known",
        "face score above 4",
        "no second face",
        "age at most 40",
    ]
    assert sum(map(int, removed.values())) + manifest.samples == 206
    score, second = columns["face_score"], columns["second_face_score"]
    assert 0 < manifest.samples <= ((score > 4) & np.isnan(second)).sum()
    assert manifest.sources == ("imdb", "folder")
    assert manifest.crops + sum(manifest.failures.values()) == manifest.samples
    assert manifest.provenance.command.startswith("genderscope prepare ")


def test_ctrl_c_ends_it_at_once(tmp_path, portrait):
    faces = tmp_path / "faces" / "man"
    faces.mkdir(parents=True)
    for number in range(1500):
        (faces / f"{number}.jpg").symlink_to(portrait)
    out = tmp_path / "cache"
    line = [*COMMAND, "prepare", f"folder:{faces.parent}", "--detector", "haar", "--out", str(out)]
    running = subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    for _ in range(300):
        if (out / "plan.json").is_file():
            break
        time.sleep(0.1)
    time.sleep(2)  # the first shards are being cut, which takes a minute
    began = time.monotonic()
    running.send_signal(signal.SIGINT)
    _, problems = running.communicate()
    assert time.monotonic() - began < 5
    assert running.returncode == 130
    assert not problems
    assert [file.name for file in out.iterdir()] == ["plan.json"]


@pytest.mark.parametrize("preset", PRESETS)
def test_the_preview_is_drawn_for_every_preset(source, tmp_path, preset):
    file = tmp_path / "sheets" / "preview.png"
    options = ("--preset", preset, "--given-boxes", "--out", tmp_path / "cache", "--preview", file)
    assert run("prepare", source, *options).returncode == 1
    assert min(cv2.imread(str(file)).shape[:2]) > 900  # five samples, five steps
