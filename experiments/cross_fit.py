"""The bias of the calibration, fitted on all training faces instead of the held-out ones.

    python -m experiments.cross_fit CROPS OUT [--folds 2] [--epochs 8]

Each part of the training faces is scored by a mini-Xception that learnt from the other parts; none
learns from the held-out faces. Writes ``results/cross_fit.json``: the biases fitted on a part and
on the held-out faces, and the recall gap that either leaves on the other. ``docs/training.md`` has
the table. Finished runs are not repeated; interrupted ones are resumed.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from experiments.ablations import BASELINE
from experiments.results import CrossFit, CrossFitPart, provenance
from experiments.unseen_groups import logits_of_unseen
from genderscope.core.types import Floats
from genderscope.data.prepare.crops import Crops
from genderscope.evaluation.metrics import Integers, confusion, decide, estimated_rates
from genderscope.inference.classifier import calibrated
from genderscope.training import recipes
from genderscope.training.batches import split
from genderscope.training.calibration import Views, calibrate

RESULTS = Path(__file__).parents[1] / "results" / "cross_fit.json"


def measured(part: tuple[Floats, Integers], held_out: tuple[Floats, Integers]) -> CrossFitPart:
    """Fit and measure on (logits, labels) of faces that the network did not learn from."""
    fits = [calibrate(Views(logits, logits), labels) for logits, labels in (part, held_out)]
    crossed = [
        estimated_rates(
            confusion(labels, decide(calibrated(logits, fit.temperature, fit.bias)[:, 1]))
        )
        for (logits, labels), fit in zip((part, held_out), reversed(fits), strict=True)
    ]
    return CrossFitPart(
        accuracy=crossed[0].accuracy,
        accuracy_held_out=crossed[1].accuracy,
        bias=fits[0].bias,
        bias_held_out=fits[1].bias,
        recall_gap=crossed[0].recall_gap,
        recall_gap_held_out=crossed[1].recall_gap,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("crops", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=8)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    crops = Crops(arguments.crops)
    settings = recipes.settings({**BASELINE, "epochs": arguments.epochs}, arguments.out)
    labels = crops.labels.astype(np.int64)
    _, held_out = split(crops, settings.validation_ratio, settings.seed)
    fold = np.random.default_rng(settings.seed).integers(0, arguments.folds, len(crops))
    fold[held_out] = -1
    parts = []
    for number in range(arguments.folds):
        unseen = np.isin(fold, (-1, number)) & (labels >= 0)
        logits = logits_of_unseen(crops, unseen, settings, arguments.out / str(number))
        part, truth = fold[unseen] == number, labels[unseen]
        parts.append(measured((logits[part], truth[part]), (logits[~part], truth[~part])))
    origin = provenance("cross_fit", crops, settings.seed)
    CrossFit(provenance=origin, parts=tuple(parts)).save(RESULTS, overwrite=True)


if __name__ == "__main__":
    main()
