"""Ablations of the training recipe: one change at a time, at a small budget.

    python -m experiments.ablations CROPS OUT [--seeds 0 1] [--epochs 8] [--teacher RUN]
        [--occlusions CROPS] [--only NAME ...]

Trains mini-Xception once per variant and seed on a cache from ``genderscope prepare``, and writes
the results on the validation part to ``results/ablations.json``. Finished runs are not repeated;
interrupted ones are resumed. ``docs/training.md`` has the table.
"""

import argparse
from pathlib import Path

from experiments.results import AblationRun, Ablations, provenance
from genderscope.data.prepare.crops import Crops
from genderscope.training import recipes
from genderscope.training.record import TrainingRecord
from genderscope.training.runs import CHECKPOINT, RECORD
from genderscope.training.train import train

RESULTS = Path(__file__).parents[1] / "results" / "ablations.json"
# Short runs need a shorter averaging window.
BASELINE = {"augmentation": 0.75, "muon_rate": 0.02, "small_share": 0.34, "ema_decay": 0.98}
VARIANTS: dict[str, dict[str, str | float]] = {
    "baseline": {},
    "Adam alone": {"muon_rate": 0},
    "Muon rate 0.01": {"muon_rate": 0.01},
    "Muon rate 0.04": {"muon_rate": 0.04},
    "no small views": {"small_share": 0},
    "learning rate 0.002": {"learning_rate": 0.002},
    "learning rate 0.008": {"learning_rate": 0.008},
    "weight decay 0.01": {"weight_decay": 0.01},
    "weight decay 0.2": {"weight_decay": 0.2},
    "no label smoothing": {"label_smoothing": 0},
    "no averaging of weights": {"ema_decay": 0},
    "batches of 64": {"batch_size": 64},
    "batches of 256": {"batch_size": 256},
    "no augmentation": {"augmentation": 0},
    "augmentation x 0.5": {"augmentation": 0.5},
    "augmentation x 1": {"augmentation": 1},
    "mixup 0.2": {"mixup": 0.2},
    "age groups as a second target": {"age_weight": 0.3},
    "teacher": {"teachers": "teacher"},
    "teacher, weight 0.9": {"teachers": "teacher", "teacher_weight": 0.9},
    "a quarter drawn on": {"occlusion_share": 0.25},
    # The same number of steps; the rest is held out, so n is larger.
    "half the faces": {"validation_ratio": 0.5375, "epochs": 2},
    "a quarter of the faces": {"validation_ratio": 0.76875, "epochs": 4},
}
"""Changed settings; ``epochs`` is a factor."""


def run(name: str, seed: int, arguments: argparse.Namespace) -> AblationRun:
    """Train one variant unless its record exists."""
    out = arguments.out / f"{name.replace(' ', '-').replace(',', '')}.{seed}"
    changes = VARIANTS[name]
    if not (out / RECORD).is_file():
        options: dict[str, object] = {**BASELINE, **changes, "seed": seed}
        options["epochs"] = int(changes.get("epochs", 1)) * arguments.epochs
        if "teachers" in changes:
            options["teachers"] = [str(arguments.teacher.absolute())]
        occlusions = Crops(arguments.occlusions) if "occlusion_share" in changes else None
        settings = recipes.settings(options, arguments.out)
        resume = (out / CHECKPOINT).is_file()
        train(Crops(arguments.crops), settings, out, resume, occlusions)
    record = TrainingRecord.load(out / RECORD)
    return AblationRun(
        variant=name,
        changes=changes,
        seed=seed,
        epochs=record.settings.epochs,
        commit=record.commit,
        accuracy=record.held_out,
        loss=record.history[-1].loss,
        seconds=record.seconds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("crops", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--teacher", type=Path, help="a finished run's folder")
    parser.add_argument("--occlusions", type=Path, help="a cache of the same faces with occlusions")
    parser.add_argument("--only", nargs="+", default=list(VARIANTS))
    arguments = parser.parse_args()
    missing = {
        name
        for name, needed in (("teachers", "teacher"), ("occlusion_share", "occlusions"))
        if not getattr(arguments, needed)
    }
    origin = provenance("ablations", Crops(arguments.crops))
    runs = Ablations.load(RESULTS).runs if RESULTS.exists() else ()
    for seed in arguments.seeds:
        for name in arguments.only:
            if missing & VARIANTS[name].keys():
                continue
            others = (r for r in runs if (r.variant, r.seed) != (name, seed))
            runs = (*others, run(name, seed, arguments))
            Ablations(provenance=origin, runs=runs).save(RESULTS, overwrite=True)


if __name__ == "__main__":
    main()
