"""The setting ``balance``, on an unbalanced part of FairFace.

    python -m experiments.imbalance FAIRFACE OUT [settings, such as epochs=6]

Draws 8,000 men and 1,600 women from the training split, trains one network for each value of
``balance`` on the same crops, and evaluates each on the validation split. Writes
``results/imbalance.json``; ``docs/training.md`` has the table.
"""

import csv
import random
import subprocess
import sys
from pathlib import Path

from experiments.results import Imbalance, ImbalanceRun
from genderscope.core.results import Provenance, command_of, versions
from genderscope.core.types import LABELS
from genderscope.data.datasets import read
from genderscope.data.leakage import excluded_pictures
from genderscope.data.selection import listed
from genderscope.evaluation.evaluate import Evaluation
from genderscope.training.record import TrainingRecord
from genderscope.training.runs import RECORD

ROOT = Path(__file__).parents[1]
LEAKAGE = ROOT / "results" / "leakage.json"
TAKEN = {"woman": 1_600, "man": 8_000}
SEED = 0
BALANCES = ("none", "weights", "sampler")


def unbalanced(fairface: str, table: Path) -> None:
    """Write a table of the drawn samples, without duplicates of the validation split."""
    duplicate = listed(excluded_pictures(LEAKAGE))
    samples = [s for s in read(f"fairface:{fairface}", "train") if not duplicate(s.file)]
    random.Random(SEED).shuffle(samples)
    with table.open("w", newline="") as lines:
        rows = csv.writer(lines)
        rows.writerow(["file", "label"])
        for number, label in enumerate(LABELS):
            files = [sample.file for sample in samples if sample.label == number]
            rows.writerows([file.absolute(), label] for file in files[: TAKEN[label]])


def run(*words: object) -> None:
    subprocess.run([Path(sys.executable).with_name("genderscope"), *map(str, words)], check=True)


def on_validation(model: Path, fairface: str | Path, result: Path, *options: str) -> Evaluation:
    """Evaluate a model on FairFace's validation split; ``result`` is replaced."""
    where = ("--dataset", f"fairface:{fairface}", "--split", "val", "--exclude", LEAKAGE)
    run("evaluate", *where, "--model", model, "--json", result, "--overwrite", *options)
    return Evaluation.load(result)


def main() -> None:
    fairface, out, *assignments = sys.argv[1:]
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    unbalanced(fairface, folder / "unbalanced.csv")
    source = f"table:{folder / 'unbalanced.csv'}"
    options = [word for assignment in assignments for word in ("--set", assignment)]
    runs = []
    for balance in BALANCES:
        training = folder / balance
        chosen = ("--set", f"balance={balance}", *options)
        run("train", "--dataset", source, "--out", training, *chosen)
        model = training / "mini_xception.onnx"
        evaluation = on_validation(model, fairface, folder / f"{balance}.json")
        rates = evaluation.rates
        runs.append(
            ImbalanceRun(
                settings=TrainingRecord.load(training / RECORD).settings,
                accuracy=rates.accuracy,
                balanced_accuracy=rates.balanced_accuracy.value,
                recall={label: recall.value for label, recall in rates.recall.items()},
                roc_auc=evaluation.roc_auc.value,
            )
        )
    command = command_of("experiments.imbalance")
    provenance = Provenance(command=command, versions=versions(("torch", "lightning")), seed=SEED)
    file = ROOT / "results" / "imbalance.json"
    Imbalance(provenance=provenance, runs=tuple(runs)).save(file, overwrite=True)


if __name__ == "__main__":
    main()
