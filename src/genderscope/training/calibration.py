"""Calibration on the validation part: temperature, bias and threshold."""

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from genderscope.core.errors import UsageError
from genderscope.core.results import Record
from genderscope.core.types import Floats
from genderscope.inference.classifier import calibrated
from genderscope.inference.metadata import Abstention

COVERAGE = 0.9  # largest share of the faces that are answered
FLIPS = 0.005  # largest share whose label flips when mirrored, with neither uncertain
LEAST_SLOPE = 0.01  # of the fit: logits that do not separate the labels give scores near one half


class Calibration(Record, frozen=True, kw_only=True):
    """The parameters that turn logits into labels: see ``inference.classifier.calibrated``."""

    temperature: float
    bias: float
    abstention: Abstention


def calibrate(logits: Floats, mirrored: Floats, labels: npt.NDArray[np.int64]) -> Calibration:
    """Temperature, bias and threshold from the logits (n, 2) of faces and of their mirror images,
    and labels (n,).

    Temperature and bias minimise the negative log likelihood (Platt 1999) with both classes
    weighted equally, so that neither is favoured where both are equally frequent. The threshold
    leaves the least confident tenth of the faces unanswered, or more, until hardly any face gets
    the opposite label when mirrored. ``UsageError`` if all labels are the same.
    """
    if len(np.unique(labels)) < 2:
        raise UsageError(
            f"the {len(labels)} held-out faces have one label only: train on more faces, or raise "
            "validation_ratio"
        )
    platt = LogisticRegression(C=np.inf, class_weight="balanced")
    platt.fit((logits[:, 1] - logits[:, 0])[:, None], labels)
    slope = max(float(platt.coef_[0, 0]), LEAST_SLOPE)
    temperature, bias = 1 / slope, float(platt.intercept_[0])
    scores = calibrated(logits, temperature, bias)
    of_mirrored = calibrated(mirrored, temperature, bias)
    confidence, correct = scores.max(1), scores.argmax(1) == labels
    flips = scores.argmax(1) != of_mirrored.argmax(1)
    flipping = np.where(flips, np.minimum(confidence, of_mirrored.max(1)), 0)
    threshold = float(max(np.quantile(confidence, 1 - COVERAGE), np.quantile(flipping, 1 - FLIPS)))
    answered = confidence >= threshold
    return Calibration(
        temperature=temperature,
        bias=bias,
        abstention=Abstention(
            min_confidence=threshold,
            meaning=f"on validation faces, the least sure {1 - answered.mean():.0%} are uncertain",
            coverage=float(answered.mean()),
            error_of_answered=float(1 - correct[answered].mean()),
            error_without_abstention=float(1 - correct.mean()),
            n=len(labels),
        ),
    )
