"""Predictions of a package for the browser, run in Node: see README.md.

python -m benchmarks.peers.in_node face-api|human --dataset fairface:DIR --node FOLDER --out FILE
"""

import argparse
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from benchmarks.peers.labels import labelled
from genderscope.core.types import Prediction, Sample
from genderscope.data import datasets
from genderscope.evaluation import predictions
from genderscope.evaluation.predictions import Answer

SCRIPT = Path(__file__).with_suffix(".mjs")


def answers(samples: Sequence[Sample], lines: Iterable[str]) -> Iterator[Answer]:
    """The answers in the script's lines, with the label as a group to compare by."""
    for sample, line in zip(samples, lines, strict=True):
        score, found = line.strip().split(",")
        if score:
            man = float(score)
            yield Answer(labelled(sample), Prediction((1 - man, man)), detected=found == "1")
        else:
            yield Answer(labelled(sample), error="no face")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", choices=["face-api", "human"])
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--split")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--node", type=Path, required=True, help="folder with node_modules")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    samples = list(islice(datasets.read(options.dataset, options.split), options.limit))
    completed = subprocess.run(
        ["node", str(SCRIPT), options.package],
        cwd=options.node,
        input="".join(f"{sample.file.resolve()}\n" for sample in samples),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answered = answers(samples, completed.stdout.splitlines())
    predictions.write(options.out, predictions.of(answered, options.package))


if __name__ == "__main__":
    main()
