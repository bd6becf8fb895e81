"""What an option against imbalance does, on FairFace made unbalanced.

    python scripts/imbalance.py FAIRFACE OUT [options of train, such as --epochs 6]

Takes 8,000 men and 1,600 women of the training part by the seed, trains one network for each value
of ``--balance`` on the same crops, and measures each on the validation part. Writes
``results/imbalance.json``; ``scripts/tables`` makes the table of it.
"""

import csv
import json
import random
import subprocess
import sys
from pathlib import Path

from genderscope.training.task import BALANCES

from genderscope.core.types import LABELS
from genderscope.data.datasets import read
from genderscope.data.leakage import excluded_pictures
from genderscope.data.selection import place

ROOT = Path(__file__).parents[1]
LEAKAGE = ROOT / "results" / "leakage.json"
TAKEN = {"woman": 1_600, "man": 8_000}
SEED = 0


def unbalanced(fairface: str, table: Path) -> None:
    """Write a table of the samples that are taken; none is in the validation part too."""
    duplicates = excluded_pictures(LEAKAGE)
    samples = [s for s in read(f"fairface:{fairface}", "train") if place(s.file) not in duplicates]
    random.Random(SEED).shuffle(samples)
    with table.open("w", newline="") as lines:
        rows = csv.writer(lines)
        rows.writerow(["file", "label"])
        for number, label in enumerate(LABELS):
            files = [sample.file for sample in samples if sample.label == number]
            rows.writerows([file.absolute(), label] for file in files[: TAKEN[label]])


def run(*words: object) -> None:
    subprocess.run([Path(sys.executable).with_name("genderscope"), *map(str, words)], check=True)


if __name__ == "__main__":
    fairface, out, *options = sys.argv[1:]
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    unbalanced(fairface, folder / "unbalanced.csv")
    found = []
    for balance in BALANCES:
        training = folder / balance
        source = f"table:{folder / 'unbalanced.csv'}"
        run("train", "--dataset", source, "--out", training, "--balance", balance, *options)
        result = folder / f"{balance}.json"
        model = training / "mini_xception.onnx"
        where = ("--dataset", f"fairface:{fairface}", "--split", "val", "--exclude", LEAKAGE)
        run("evaluate", *where, "--model", model, "--json", result)
        measured = json.loads(result.read_text())
        kept = ("n", "accuracy", "accuracy_interval", "balanced_accuracy", "recall", "roc_auc")
        settings = json.loads((training / "record.json").read_text())["settings"]
        found.append({"settings": settings, **{key: measured[key] for key in kept}})
    (ROOT / "results" / "imbalance.json").write_text(json.dumps(found, indent=1) + "\n")
