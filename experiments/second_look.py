"""What a second look brings: accuracy if no face, the uncertain ones, or all are scored twice.

    python -m experiments.second_look CROPS WIDE_CROPS

Each shipped network is measured on the held-out faces of the crops of its spec. Writes
``results/second_look.json``; ``docs/training.md`` has the table.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np

from experiments.results import Look, SecondLooks, provenance
from genderscope.core.types import SecondLook
from genderscope.data.prepare.crops import Crops
from genderscope.evaluation.metrics import calibration, decide, share
from genderscope.inference.classifier import Classifier, calibrated, mirror, scored_again, shipped
from genderscope.training.batches import split
from genderscope.training.settings import Settings

RESULTS = Path(__file__).parents[1] / "results" / "second_look.json"
SETTINGS = Settings()  # all shipped networks have its held-out part


def looks(model: Classifier, crops: Crops) -> Iterator[Look]:
    _, held_out = split(crops, SETTINGS.validation_ratio, SETTINGS.seed)
    faces, labels = crops.exact(held_out), crops.labels[held_out].astype(np.int64)
    first = model.first_look(faces)
    mean = (first + model.first_look(mirror(faces))) / 2
    once, twice = (calibrated(each, model.temperature, model.bias) for each in (first, mean))
    for second_look in get_args(SecondLook):
        again = scored_again(once, second_look, model.min_confidence)
        score = np.where(again, twice[:, 1], once[:, 1])
        yield Look(
            model=model.name,
            second_look=second_look,
            shipped=second_look == model.metadata.second_look,
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
    found = tuple(look for model in models for look in looks(model, by_spec[model.spec]))
    origin = provenance("second_look", caches[0], SETTINGS.seed)
    SecondLooks(provenance=origin, looks=found).save(RESULTS, overwrite=True)


if __name__ == "__main__":
    main()
