"""The effect of the seed: a recipe from random weights, once per seed.

    python -m experiments.seeds CROPS OCCLUSIONS FAIRFACE RUNS [--seeds 0 1 2] [--epochs 12]

CROPS and OCCLUSIONS are caches from ``genderscope prepare``. RUNS holds the teachers' tables of the
recipe ``mini_xception`` and gets a run per seed. The seed determines the held-out part, the initial
weights, the order and the augmentation. Each network is then evaluated on FairFace's validation
split. Writes ``results/seeds.json``; ``docs/training.md`` has the table. Finished runs are not
repeated; interrupted ones are resumed.
"""

import argparse
from pathlib import Path

from experiments.imbalance import on_validation
from experiments.results import SeedRun, Seeds, provenance
from genderscope.data.prepare.crops import Crops
from genderscope.training import recipes, runs
from genderscope.training.export import export_run
from genderscope.training.record import TrainingRecord
from genderscope.training.train import train

RESULTS = Path(__file__).parents[1] / "results" / "seeds.json"
MODEL = "mini_xception"
FROM_RANDOM_WEIGHTS = {"init_from": "", "small_share": 0.34}


def run(seed: int, crops: Crops, arguments: argparse.Namespace) -> SeedRun:
    """Train with one seed unless its record exists, and evaluate."""
    out = arguments.runs / f"{MODEL}_seed_{seed}"
    if not (out / runs.RECORD).is_file():
        changes = {**FROM_RANDOM_WEIGHTS, "epochs": arguments.epochs, "seed": seed}
        settings = recipes.settings({**recipes.read(MODEL), **changes}, arguments.runs)
        resume = (out / runs.CHECKPOINT).is_file()
        train(crops, settings, out, resume, Crops(arguments.occlusions))
    record = TrainingRecord.load(out / runs.RECORD)
    model = export_run(out, crops)
    result = model.with_suffix(".evaluation.json")
    evaluation = on_validation(model, arguments.fairface, result, "--detector", "yunet")
    return SeedRun(
        seed=seed,
        epochs=record.settings.epochs,
        held_out=record.held_out,
        loss=record.history[-1].loss,
        validation=evaluation.rates.accuracy,
        seconds=record.seconds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for folder in ("crops", "occlusions", "fairface", "runs"):
        parser.add_argument(folder, type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=12)
    arguments = parser.parse_args()
    crops = Crops(arguments.crops)
    origin = provenance("seeds", crops)
    finished = Seeds.load(RESULTS).runs if RESULTS.exists() else ()
    for seed in arguments.seeds:
        others = (r for r in finished if r.seed != seed)
        finished = (*others, run(seed, crops, arguments))
        Seeds(provenance=origin, runs=finished).save(RESULTS, overwrite=True)


if __name__ == "__main__":
    main()
