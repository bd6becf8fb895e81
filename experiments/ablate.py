"""What each idea of the training recipe is worth: one change at a time, at a small budget.

    python scripts/ablate.py CROPS OUT [--seeds 0 1] [--epochs 8] [--teacher RUN]
        [--altered CROPS] [--only NAME ...]

Trains mini-Xception once for each variant and seed on a cache that ``genderscope prepare`` made,
and keeps what the held-out part says in ``results/ablations.json``. A run that is there already is
not repeated, so the script can be stopped and goes on. ``docs/training.md`` has the table.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from genderscope.evaluation.metrics import proportion

RESULTS = Path(__file__).parents[1] / "results" / "ablations.json"
VARIANTS: dict[str, list[str]] = {
    "baseline": [],
    "Adam alone": ["--muon-rate", "0"],
    "Muon rate 0.01": ["--muon-rate", "0.01"],
    "Muon rate 0.04": ["--muon-rate", "0.04"],
    "no small views": ["--small-share", "0"],
    "learning rate 0.002": ["--learning-rate", "0.002"],
    "learning rate 0.008": ["--learning-rate", "0.008"],
    "weight decay 0.01": ["--weight-decay", "0.01"],
    "weight decay 0.2": ["--weight-decay", "0.2"],
    "no label smoothing": ["--label-smoothing", "0"],
    "no averaging of weights": ["--ema-decay", "0"],
    "batches of 64": ["--batch-size", "64"],
    "batches of 256": ["--batch-size", "256"],
    "no augmentation": ["--augmentation", "0"],
    "augmentation x 0.5": ["--augmentation", "0.5"],
    "augmentation x 1": ["--augmentation", "1"],
    "mixup 0.2": ["--mixup", "0.2"],
    "age groups as a second target": ["--age-weight", "0.3"],
    "teacher": ["--teacher", "{teacher}"],
    "teacher, weight 0.9": ["--teacher", "{teacher}", "--teacher-weight", "0.9"],
    "a quarter drawn on": ["--altered", "{altered}", "--altered-share", "0.25"],
    # As many steps each; what is not learnt from is held out, so their n are larger.
    "half the faces": ["--validation-ratio", "0.5375", "--epochs", "{twice}"],
    "a quarter of the faces": ["--validation-ratio", "0.76875", "--epochs", "{fourfold}"],
}
COMMON = ["--model", "mini_xception", "--augmentation", "0.75", "--muon-rate", "0.02"]
COMMON += ["--small-share", "0.34", "--ema-decay", "0.98"]  # a short run, so a short average


def run(name: str, seed: int, asked: argparse.Namespace) -> dict[str, object]:
    """Train one variant unless its record is there, and say what came of it."""
    out = Path(asked.out) / f"{name.replace(' ', '-').replace(',', '')}.{seed}"
    if not (out / "record.json").is_file():
        more = {"twice": 2 * asked.epochs, "fourfold": 4 * asked.epochs}
        options = [word.format(**vars(asked), **more) for word in VARIANTS[name]]
        words = ["train", "--cache", asked.crops, "--out", out, "--seed", seed]
        words += ["--epochs", asked.epochs, *COMMON, *options]
        words += ["--resume"] if (out / "last.ckpt").is_file() else []
        command = Path(sys.executable).with_name("genderscope")
        subprocess.run([command, *map(str, words)], check=True)
    record = json.loads((out / "record.json").read_text())
    n, last = record["data"]["validation"], record["history"][-1]
    return {
        "variant": name,
        "options": VARIANTS[name],
        "seed": seed,
        "epochs": record["settings"]["epochs"],
        "commit": record["commit"],
        "n": n,
        "accuracy": last["accuracy"],
        "interval": proportion(round(last["accuracy"] * n), n).interval,
        "loss": last["loss"],
        "seconds": record["seconds"],
    }


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("crops")
    options.add_argument("out")
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    options.add_argument("--epochs", type=int, default=8)
    options.add_argument("--teacher", help="a finished run's folder")
    options.add_argument("--altered", help="a cache of the same faces, drawn on")
    options.add_argument("--only", nargs="+", default=list(VARIANTS))
    asked = options.parse_args()
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    for seed in asked.seeds:
        for name in asked.only:
            needed = {"{teacher}": asked.teacher, "{altered}": asked.altered}
            if not all(needed.get(word, True) for word in VARIANTS[name]):
                continue
            found = [f for f in found if (f["variant"], f["seed"]) != (name, seed)]
            found.append(run(name, seed, asked))
            RESULTS.write_text(json.dumps(found, indent=1) + "\n")
