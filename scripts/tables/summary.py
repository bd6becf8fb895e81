"""The README's table: the shipped models in short."""

from common import RESULTS, estimate, percent, row
from models import adult_accuracy

from genderscope.evaluation.benchmark.results import Benchmark
from genderscope.evaluation.evaluate import Evaluation
from genderscope.inference.classifier import WEIGHTS, shipped

EVALUATIONS = {"FairFace val, no leaks": "fairface-val-no-leaks", "UTKFace": "utkface-all"}


def summary() -> str:
    """A row for each shipped model and data set, faces found by YuNet."""
    lines = [
        "| model | data set | n | accuracy % | women's recall % | men's recall % "
        "| accuracy on adults % | ms per face |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    networks = Benchmark.load(RESULTS / "benchmark" / "benchmark.json").models
    for model in shipped():
        milliseconds = ""
        if model in networks:
            milliseconds = f"{networks[model].ms_per_face:.2f}"
        for name, part in EVALUATIONS.items():
            found = Evaluation.load(WEIGHTS / f"{model}.{part}.yunet.json")
            cells = [
                f"`{model}`",
                name,
                f"{found.n:,}",
                estimate(found.rates.accuracy, "**"),
                *(percent(recall.value) for recall in found.rates.recall.values()),
                percent(adult_accuracy(found).value),
                milliseconds,
            ]
            lines.append(row(cells))
    return "\n".join(lines)
