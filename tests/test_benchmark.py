"""The benchmark's parts: what they count and how they put it together, never how quick it is."""

import math
import os
import platform
from collections import Counter
from contextlib import contextmanager
from itertools import pairwise

import cv2
import numpy as np
import pytest
from msgspec import to_builtins
from msgspec.structs import replace

from genderscope import detection
from genderscope.core.errors import PictureError, UsageError
from genderscope.core.results import Provenance
from genderscope.core.types import Frame, Sample
from genderscope.evaluation.benchmark import (
    BATCHES,
    compare,
    entrants,
    machine,
    network,
    paired_accuracy,
    predict,
    profile,
    stages,
)
from genderscope.evaluation.benchmark.latency import WARM_UP_ROUNDS, ratio, summary, take_turns
from genderscope.evaluation.benchmark.results import Ratio, TimedDocument
from genderscope.evaluation.metrics.paired import McNemar
from genderscope.evaluation.predictions import Predictions
from genderscope.imaging import decode
from genderscope.inference import classifier
from genderscope.inference.pipeline import Pipeline
from genderscope.reporting import benchmark, plots
from genderscope.reporting.page import Table

pytest.importorskip("sklearn", reason="needs the eval extra")
pytest.importorskip("matplotlib", reason="needs the eval extra")


@pytest.fixture(scope="module")
def models():
    return entrants(classifier.shipped())


@pytest.fixture(scope="module")
def haar():
    return detection.create("haar")


def numbers(value) -> list[float]:
    """Every number of a nested result."""
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers(item)]
    if isinstance(value, list | tuple):
        return [number for item in value for number in numbers(item)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


def test_calls_take_turns_and_each_begins_a_round():
    order: list[str] = []
    seconds = take_turns({name: lambda name=name: order.append(name) for name in "abc"}, 4, 2)
    assert {name: taken.shape for name, taken in seconds.items()} == dict.fromkeys("abc", (4, 2))
    assert all((taken >= 0).all() for taken in seconds.values())
    rounds = WARM_UP_ROUNDS + 4
    assert Counter(order) == dict.fromkeys("abc", rounds * (1 + 2))
    turns = order[::3]
    assert {tuple(turns[3 * n : 3 * n + 3]) for n in range(rounds)} == {
        ("a", "b", "c"),
        ("b", "c", "a"),
        ("c", "a", "b"),
    }


def test_a_summary_is_of_one_face():
    found = summary(np.array([[0.064, 0.064], [0.064, 0.128]]), 64)
    assert found.median_ms == pytest.approx(1)
    assert found.faces_per_s == pytest.approx(1000)
    assert 1 < found.p95_ms <= 2
    assert found.calls == 4


def test_a_ratio_is_taken_within_rounds():
    slow = np.array([1.0, 1.0, 1.0, 9.0, 9.0])[:, None] * np.ones((5, 3))
    assert ratio(2 * slow, slow, seed=0) == Ratio(value=2, interval=(2, 2), rounds=5)
    draw = np.random.default_rng(0)
    a, b = draw.lognormal(size=(2, 51, 3))
    there, back = ratio(a, b, seed=1), ratio(b, a, seed=1)
    assert there.value * back.value == pytest.approx(1)
    assert there.interval[0] <= there.value <= there.interval[1]
    assert there.interval[0] * back.interval[1] == pytest.approx(1, rel=1e-6)


def test_the_machine_is_described_without_its_name():
    found = machine.describe()
    assert found.cores == os.cpu_count()
    assert platform.node() not in (found.cpu, found.system, found.architecture)


def test_multiply_adds_of_the_graph_are_those_of_the_metadata(models):
    for model in models.values():
        assert network.multiply_adds(model.file) == model.metadata.multiply_adds


@pytest.mark.parametrize("faces", BATCHES)
def test_a_profile_adds_up(faces, models):
    model = next(iter(models.values()))
    found = network.profile(model.file, faces, runs=5)
    for key in ("microseconds", "multiply_adds", "bytes"):
        total = getattr(found, key)
        assert total == pytest.approx(sum(getattr(one, key) for one in found.operators))
        assert total > 0
    # As it runs, maps are padded to whole vectors; weights are read once a batch.
    assert found.multiply_adds >= model.metadata.multiply_adds
    assert found.bytes * faces > 4 * model.metadata.parameters
    assert found.operators[-1].output == (2,)


def test_each_network_beside_the_ceiling(models, monkeypatch, tmp_path):
    (tmp_path / "timeit.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    ceiling = machine.ceiling()
    assert ceiling.best_gflops == max(ceiling.matrix_gflops.values()) > 0
    assert ceiling.copy_gbytes_per_s > 0
    better = replace(ceiling, best_gflops=2 * ceiling.best_gflops)
    monkeypatch.setattr(machine, "ceiling", iter([ceiling, better]).__next__)
    best, networks = profile(dict(list(models.items())[:1]), rounds=1)
    assert best == better
    [one] = networks.values()
    for batch in map(str, BATCHES):
        expected = 2e-6 * one.multiply_adds / one.time[batch].median_ms
        assert one.gflops[batch] == pytest.approx(expected)
    assert all(map(math.isfinite, numbers(to_builtins(networks))))


def test_models_are_compared_the_smallest_first(models):
    sizes = [model.metadata.parameters for model in models.values()]
    assert sizes == sorted(sizes)
    with pytest.raises(UsageError, match=r"mini_xception.onnx is named twice"):
        entrants(["mini_xception", classifier.find("mini_xception")])


def test_a_model_of_ones_own_may_have_a_shipped_ones_name(tmp_path):
    mine = tmp_path / "mine" / "mini_xception.onnx"
    mine.parent.mkdir()
    mine.write_bytes(classifier.find("mini_xception").read_bytes())
    assert [*entrants(["mini_xception", mine])] == ["mini_xception", "mini_xception.mine"]


def said(name: str, right: list[bool]) -> Predictions:
    truth = np.arange(len(right)) % 2
    answers = np.where(right, truth, 1 - truth)
    files = tuple(f"{number}.png" for number in range(len(right)))
    return Predictions(name, files, truth, answers * 0.8 + 0.1, answers)


def test_a_comparison_has_every_model_and_every_pair(models, monkeypatch, tmp_path):
    drawn, png = [], plots.png

    @contextmanager
    def seen(*given):
        with png(*given) as figure:
            yield figure
            drawn.append(figure)

    monkeypatch.setattr(plots, "png", seen)
    monkeypatch.setattr("genderscope.evaluation.benchmark.REPEATS", dict.fromkeys(BATCHES, 1))
    draw = np.random.default_rng(0)
    answers = {"made": {name: said(name, draw.random(60) < 0.8) for name in models}}
    found = compare(models, answers, 2, "haar", Provenance(command="", versions={}, seed=0))
    assert list(found.models) == list(models)
    assert len(found.pairs) == len(models) * (len(models) - 1) // 2
    for pair in found.pairs:
        a, b = found.models[pair.a], found.models[pair.b]
        assert a.parameters > b.parameters
        difference = a.accuracy["made"].value - b.accuracy["made"].value
        assert pair.accuracy["made"].difference.value == pytest.approx(difference)
        assert pair.time_ratio.keys() == {"1", "64"}
    for model in found.models.values():
        assert model.training.seconds_per_epoch > 0
        assert model.accuracy["made"].n == 60
    assert all(map(math.isfinite, numbers(to_builtins(found))))
    benchmark.drawing(found, tmp_path / "drawing.png")
    assert ticks_in_view(drawn[0]) >= 3
    assert all(a < b for a, b in gaps(drawn[0]))


def ticks_in_view(figure) -> int:
    """How many labelled ticks lie within the axis that has the fewest."""
    return min(
        sum(low <= place <= high for place in axis.get_majorticklocs())
        for axes in figure.axes
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim()))
    )


def gaps(figure):
    """Where each label of a horizontal axis ends, and where the next begins."""
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
        yield from ((a.x1, b.x0) for a, b in pairwise(boxes))


def test_a_pair_is_the_same_from_either_side():
    a, b = said("a", [True] * 50 + [False] * 10), said("b", [True] * 40 + [False] * 20)
    there, back = paired_accuracy(a, b), paired_accuracy(b, a)
    assert there.test == McNemar(a_only=10, b_only=0, p=pytest.approx(2 / 2**10))
    assert back.test == McNemar(a_only=0, b_only=10, p=there.test.p)
    assert there.difference.value == -back.difference.value == pytest.approx(1 / 6)
    assert a.right.mean() == pytest.approx(5 / 6)


def test_answers_are_kept_until_the_model_or_the_pictures_change(tmp_path, portrait, models, haar):
    picture = cv2.imread(str(portrait))
    samples = []
    for number in range(3):
        file = tmp_path / f"{number}.png"
        cv2.imwrite(str(file), picture[:, 10 * number :])
        samples.append(Sample(file, number % 2))

    class Counting:
        name = "counting"
        calls = 0

        def __call__(self, image):
            self.calls += 1
            return haar(image)

    def ask(samples, asked):
        counting = Counting()
        answers = predict(chosen, samples, counting, "made", tmp_path, asked.append)
        return answers, counting.calls

    copied = tmp_path / "copied.onnx"
    copied.write_bytes(classifier.find("mini_xception").read_bytes())
    largest = list(models.values())[-1]
    chosen = {
        "mini_xception": classifier.Classifier.load(copied, threads=1),
        largest.name: largest,
    }
    for asked_of, wanted, searched in (
        (samples, 2, 3),  # each picture once, though two models look at it
        (samples, 0, 0),
        (samples[:2], 2, 2),
    ):
        asked: list[str] = []
        answers, calls = ask(asked_of, asked)
        assert (len(asked), calls) == (wanted, searched)
        assert [len(given) for given in answers.values()] == [len(asked_of)] * 2
    os.utime(copied, ns=(2**62, 2**62))
    asked = []
    ask(samples[:2], asked)
    assert asked == ["classifying made with mini_xception"]


def test_answers_are_of_one_model_file_and_one_detectors_weights(tmp_path, portrait, models, haar):
    samples = [Sample(portrait, 0)]
    other = list(models.values())[-1]
    weights = tmp_path / "weights.onnx"
    weights.write_bytes(b"1")
    os.utime(weights, (0, 0))
    for model, of_detector, runs in (
        (models["mini_xception"], None, 1),
        (models["mini_xception"], None, 0),
        (other, None, 1),  # of the same name, and as old
        (other, weights, 1),
        (other, weights, 0),
    ):
        asked: list[str] = []
        chosen = {"mini_xception": model}
        answers = predict(chosen, samples, haar, "made", tmp_path, asked.append, of_detector)
        assert len(asked) == runs
    (tmp_path / "alone").mkdir()
    alone = predict(chosen, samples, haar, "made", tmp_path / "alone", weights=weights)
    assert answers["mini_xception"].score == alone["mini_xception"].score


def test_stages_of_pictures(portrait, tmp_path, models, haar):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    missing = Frame(str(tmp_path / "closed"), error="may not be read")
    model = models["mini_xception"]
    found = stages.measure([portrait, broken, missing], haar, model, None, rounds=1)
    assert (found.pictures, found.faces, len(found.unreadable)) == (1, 1, 2)
    apart = found.apart
    assert list(apart.stages) == ["read", "decode", "detect", "crop", "classify", "draw"]
    assert sum(stage.ms for stage in apart.stages.values()) == pytest.approx(apart.ms)
    assert sum(stage.share for stage in apart.stages.values()) == pytest.approx(1)
    with pytest.raises(PictureError, match=r"broken\.jpg"):
        stages.measure([broken], haar, model, None, rounds=1)


@pytest.mark.parametrize("faces", stages.LAYOUTS)
def test_frames_of_a_made_video(faces):
    portrait = np.full((90, 90, 3), 255, np.uint8)
    frames = [stages.video_frame(portrait, faces, number) for number in range(40)]
    for frame in frames:
        assert frame.image.shape == (480, 640, 3)
        count, _ = cv2.connectedComponents((frame.image[..., 0] == 255).astype(np.uint8))
        assert count - 1 == faces
    moved = [(a.image != b.image).any() for a, b in pairwise(frames)]
    assert all(moved)


def test_frames_a_second(portrait, models, haar, monkeypatch):
    monkeypatch.setattr(stages, "RATIO_ROUNDS", 2)
    picture = decode.read(portrait)
    scope = Pipeline(models["mini_xception"], haar)

    def explain(crops):
        return scope.classifier(crops), np.zeros(crops.shape, np.float32)

    explain.picture = lambda one: one.astype(np.uint8)
    found = stages.measure_video(picture, scope, explain, frames=2, seed=0)
    assert found.keys() == {"1", "20"}
    for run in found.values():
        assert "classify" in run.plain.stages
        assert "explain" in run.explained.stages
        assert run.guided_to_plain.value > 0
        assert run.plain.frames == run.whole.frames == 2
    assert found["1"].plain.faces_a_frame == 1
    assert found["20"].plain.faces_a_frame > 10
    with pytest.raises(UsageError, match="no face"):
        stages.measure_video(np.zeros((90, 90, 3), np.uint8), scope, None, frames=1, seed=0)


def test_markdown_has_a_line_for_each_row():
    provenance = Provenance(command="genderscope benchmark", versions={"numpy": "2.0"})
    result = TimedDocument(provenance=provenance, machine=machine.describe())
    text = benchmark.markdown([Table(["a", "b"], [["1", "2"], ["3", "4"]], "Below.")], result)
    first, caption, measured = text.rstrip().split("\n\n")
    assert first == "| a | b |\n| --- | --: |\n| 1 | 2 |\n| 3 | 4 |"
    assert caption == "Below."
    assert "`genderscope benchmark`" in measured
