"""What a second look brings: accuracy if no face, the uncertain ones, or all get one, with their
mirror images alone or also turned.

    python -m experiments.second_look CROPS WIDE_CROPS

Each shipped network is measured on the held-out faces of the crops of its spec. Writes
``results/second_look.json``; ``docs/training.md`` has the table.
"""

import argparse
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import get_args

import numpy as np

from experiments.results import Look, SecondLooks, provenance
from genderscope.core.types import SecondLook
from genderscope.data.prepare.crops import Crops
from genderscope.evaluation.metrics import calibration, decide, share
from genderscope.inference.classifier import Classifier, calibrated, shipped
from genderscope.inference.looks import FIRST, looks, scored_again
from genderscope.training.batches import split
from genderscope.training.settings import Settings

RESULTS = Path(__file__).parents[1] / "results" / "second_look.json"
SETTINGS = Settings()  # all shipped networks have its held-out part
ANGLES_DEG = (0, 4, 8, 12)


def measured(model: Classifier, crops: Crops) -> Iterator[Look]:
    _, held_out = split(crops, SETTINGS.validation_ratio, SETTINGS.seed)
    faces, labels = crops.exact(held_out), crops.labels[held_out].astype(np.int64)
    seen = {look: model.first_look(look.of(faces)) for angle in ANGLES_DEG for look in looks(angle)}
    once = calibrated(seen[FIRST], model.temperature, model.bias)
    own = model.metadata.second_look, model.metadata.second_look_deg
    for second_look, angle in product(get_args(SecondLook), ANGLES_DEG):
        if second_look == "none" and angle:
            continue
        mean = np.mean([seen[look] for look in looks(angle)], 0)
        all_ = calibrated(mean, model.temperature, model.bias)
        again = scored_again(once, second_look, model.min_confidence)
        score = np.where(again, all_[:, 1], once[:, 1])
        yield Look(
            model=model.name,
            second_look=second_look,
            second_look_deg=angle,
            shipped=(second_look, angle) == own,
            scored_twice=share(again),
            accuracy=share(decide(score) == labels),
            aurc=calibration.risk_coverage(labels, score, SETTINGS.seed).aurc,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("crops", type=Path, nargs="+")
    caches = [Crops(folder) for folder in parser.parse_args().crops]
    by_spec = {cache.spec: cache for cache in caches}
    models = map(Classifier.load, shipped())
    found = tuple(look for model in models for look in measured(model, by_spec[model.spec]))
    origin = provenance("second_look", caches[0], SETTINGS.seed)
    SecondLooks(provenance=origin, looks=found).save(RESULTS, overwrite=True)


if __name__ == "__main__":
    main()
