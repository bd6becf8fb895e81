"""The benchmark as a command: what it prints, writes and refuses."""

import os
import time

import pytest
from typer.testing import CliRunner

from genderscope.cli import app
from genderscope.evaluation.benchmark.results import (
    Benchmark,
    Ceiling,
    Profile,
    VideoBenchmark,
)
from genderscope.inference import classifier

pytest.importorskip("sklearn", reason="needs the eval extra")
pytest.importorskip("matplotlib", reason="needs the eval extra")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("genderscope.evaluation.benchmark.REPEATS", {1: 1, 64: 1})
    monkeypatch.setattr("genderscope.evaluation.benchmark.stages.RATIO_ROUNDS", 1)
    monkeypatch.setattr("genderscope.cli.benchmark.FRAMES_PER_ROUND", 2)


def run(*arguments):
    return CliRunner().invoke(app, ["benchmark", *map(str, arguments)])


def test_a_comparison_on_a_data_set(tmp_path, portrait):
    for label in ("woman", "man"):
        (tmp_path / "faces" / label).mkdir(parents=True)
        (tmp_path / "faces" / label / "one.jpg").write_bytes(portrait.read_bytes())
    out = tmp_path / "out"
    given = (f"folder:{tmp_path / 'faces'}", "--detector", "haar", "--rounds", 1, "--out", out)
    done = run("--dataset", *given)
    assert done.exit_code == 0, done.output
    found = Benchmark.load(out / "benchmark.json")
    assert list(found.models) == sorted(
        classifier.shipped(), key=lambda name: found.models[name].parameters
    )
    assert found.models["mini_xception"].accuracy["folder-all"].n == 2
    assert found.models["mini_xception"].accuracy["folder-all"].value == 0.5
    text = (out / "benchmark.md").read_text()
    assert "| multiply-adds, M |" in text
    assert "standard_cnn, mini_xception" in text
    assert (out / "benchmark.png").read_bytes().startswith(b"\x89PNG")
    kept = sorted(file.name for file in (out / "predictions").glob("*.csv"))
    assert kept == [f"{name}.folder-all.haar.csv" for name in classifier.shipped()]
    assert "classifying folder-all with mini_xception" in done.output
    kept = run("--dataset", *given)
    assert kept.exit_code == 2
    assert "benchmark.json exists: add --overwrite" in kept.output
    assert "classifying" not in run("--dataset", *given, "--overwrite").output
    later = time.time() + 9
    os.utime(tmp_path / "faces" / "man" / "one.jpg", (later, later))
    assert "classifying" in run("--dataset", *given, "--overwrite").output
    twice = run("--dataset", given[0], "--dataset", *given, "--overwrite")
    assert twice.exit_code == 2
    assert "is the second data set called folder-all" in twice.output


def test_a_profile_reports_what_it_cannot_read(tmp_path, portrait, monkeypatch):
    ceiling = Ceiling(best_gflops=50.0, matrix_gflops={"8": 50.0}, copy_gbytes_per_s=9.0)
    monkeypatch.setattr("genderscope.evaluation.benchmark.machine.ceiling", lambda: ceiling)
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "good.jpg").write_bytes(portrait.read_bytes())
    out = tmp_path / "out"
    given = ("--detector", "haar", "--rounds", 1, "--out", out)
    done = run("--profile", "--pictures", tmp_path, *given)
    assert done.exit_code == 1, done.output
    assert "broken.jpg" in done.stderr
    found = Profile.load(out / "profile.json")
    assert found.pictures.pictures == 1
    assert found.ceiling == ceiling
    assert found.networks.keys() == set(classifier.shipped())
    assert "| classify |" in (out / "profile.md").read_text()


def test_a_profile_without_a_picture_measures_nothing(monkeypatch):
    monkeypatch.setattr("genderscope.evaluation.benchmark.machine.ceiling", None)
    done = run("--profile", "--pictures", "nope.jpg", "--detector", "haar")
    assert done.exit_code == 2
    assert "nope.jpg is not there" in done.stderr


def test_a_video_of_made_frames(tmp_path):
    done = run("--video", "--detector", "haar", "--rounds", 1, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    found = VideoBenchmark.load(tmp_path / "video.json")
    assert found.faces["1"].plain.frames > 1
    assert "frames/s" in (tmp_path / "video.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--dataset", "folder:x"), "--dataset requires --out"),
        (("--dataset", "folder:x", "--out", "y", "--profile"), "excludes --profile"),
        (("--limit", 9), "--limit requires --dataset"),
        (("--pictures", "x.jpg"), "--pictures requires --profile or --video"),
        (("--model", "absent.onnx"), "no model 'absent.onnx'"),
        (("--model", classifier.WEIGHTS / "mini_xception.onnx"), "is named twice"),
        (("--rounds", 0), "--rounds"),
    ],
)
def test_what_is_not_valid_is_refused(arguments, says):
    done = run(*arguments)
    assert done.exit_code == 2
    assert says in done.output
