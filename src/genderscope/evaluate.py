"""A model as it runs x a labelled data set -> a report that JSON can hold.

One picture, one labelled face. Every labelled picture counts: one without a detected face is
classified as a whole, and one that cannot be read is a wrong answer. Knows nothing of training, of
screens or of the command line.
"""

import csv
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from genderscope import __version__, detectors, metrics, sources
from genderscope.classifier import Classifier
from genderscope.contracts import (
    LABELS,
    DatasetError,
    Detector,
    Floats,
    Image,
    PictureError,
    Prediction,
    Sample,
)
from genderscope.preprocess import PreprocessSpec, crop

ACCURACY_IS = (
    "argmax without abstention, over every labelled picture: one without a detected face is "
    "classified as a whole, one that cannot be read counts as wrong"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says of one sample, or why it says nothing.

    Attributes:
        found: the detector found the face.
        error: why the picture has no prediction. Exactly one of the two is set.
    """

    sample: Sample
    prediction: Prediction | None = None
    found: bool = False
    error: str | None = None

    def __post_init__(self) -> None:
        if (self.prediction is None) == (self.error is None):
            raise ValueError("an answer has a prediction or an error, and not both")


def answers(
    samples: Iterable[Sample], detector: Detector, classifier: Classifier, batch_size: int = 256
) -> Iterator[Answer]:
    """Ask the model for every sample, in order, as it would run on a photograph."""
    stream = iter(samples)
    while batch := list(islice(stream, batch_size)):
        looks = [_look(sample, detector, classifier.spec) for sample in batch]
        crops = [look[0] for look in looks if not isinstance(look, str)]
        scores = iter(classifier(np.stack(crops)).tolist() if crops else ())
        for sample, look in zip(batch, looks, strict=True):
            if isinstance(look, str):
                yield Answer(sample, error=look)
            else:
                woman, man = next(scores)
                prediction = Prediction((woman, man), classifier.min_confidence)
                yield Answer(sample, prediction, found=look[1])


def _look(sample: Sample, detector: Detector, spec: PreprocessSpec) -> tuple[Image, bool] | str:
    """The crop and whether its face was detected, or the reason why there is none."""
    try:
        image = sources.read(sample.file)
        face, found = detectors.find_one(image, detector, spec, sample.box)
        return crop(image, face, spec), found
    except PictureError as error:
        return str(error)
    except ValueError as error:  # the face lies outside the picture
        return f"{sample.file}: {error}"


def report(
    given: Sequence[Answer],
    *,
    dataset: str,
    split: str,
    model: str,
    detector: str,
    min_confidence: float,
    seed: int = 0,
    command: str = "",
) -> dict[str, Any]:
    """Everything that the answers say about the model, ready for JSON; an undefined number is None.

    Raises:
        DatasetError: no sample has a label.
    """
    labelled = [answer for answer in given if answer.sample.label is not None]
    if not labelled:
        raise DatasetError(f"{dataset} has no labelled picture in the split {split!r}")
    truth = np.array([answer.sample.label for answer in labelled])
    score = np.array([_score(answer) for answer in labelled])
    counts = metrics.confusion(truth, metrics.decide(score))
    auc, auc_interval = metrics.roc_auc(truth, score)
    everything = {
        "dataset": dataset,
        "split": split,
        "model": model,
        "detector": detector,
        "n": len(labelled),
        "n_by_label": _named(counts.sum(axis=1)),
        "accuracy_is": ACCURACY_IS,
        **_rates(counts, seed),
        "roc_auc": auc,
        "roc_auc_interval": auc_interval,
        "confusion": {
            "labels": LABELS,
            "counts": counts[:, :2],
            "normalised": counts[:, :2] / np.maximum(counts.sum(axis=1, keepdims=True), 1),
        },
        "calibration": metrics.calibration(truth, score),
        "selective": metrics.selective(truth, score, min_confidence),
        "trivial": {name: _plain_rates(rates) for name, rates in metrics.trivial(counts).items()},
        "by_group": {
            column: metrics.by_group(
                truth, score, np.array([a.sample.groups.get(column, "") for a in labelled])
            )
            for column in _columns(labelled)
        },
        "not_found": sum(not (answer.found or answer.error) for answer in labelled),
        "unreadable": [
            {"file": str(answer.sample.file), "reason": answer.error}
            for answer in labelled
            if answer.error
        ],
        "unlabelled": [str(a.sample.file) for a in given if a.sample.label is None],
        "seed": seed,
        "versions": {
            "python": platform.python_version(),
            "genderscope": __version__,
            **{
                name: version(name)
                for name in ("numpy", "onnxruntime", "opencv-python-headless", "scikit-learn")
            },
        },
        "command": command,
    }
    plain: dict[str, Any] = _plain(everything)
    return plain


def write_predictions(path: Path, given: Iterable[Answer]) -> None:
    """Write one CSV row a picture: ``file,label,prediction,score`` and the data set's groups.

    ``score`` is P(man). A picture without a label has an empty one; one that could not be read has
    an empty prediction and score.
    """
    given = list(given)
    columns = _columns(given)
    with path.open("w", newline="", encoding="utf-8") as lines:
        rows = csv.writer(lines, lineterminator="\n")
        rows.writerow(["file", "label", "prediction", "score", *columns])
        for answer in given:
            sample, prediction = answer.sample, answer.prediction
            label = "" if sample.label is None else LABELS[sample.label]
            said = [prediction.label, f"{prediction.scores[1]:.6f}"] if prediction else ["", ""]
            groups = [sample.groups.get(column, "") for column in columns]
            rows.writerow([sample.file.as_posix(), label, *said, *groups])


def _score(answer: Answer) -> float:
    return answer.prediction.scores[1] if answer.prediction else np.nan


def _columns(given: Iterable[Answer]) -> list[str]:
    """The groups' columns, in the order in which the data set names them."""
    return list(dict.fromkeys(column for answer in given for column in answer.sample.groups))


def _rates(counts: metrics.Integers, seed: int) -> dict[str, Any]:
    """Rates beside their intervals: Wilson's for proportions of n, else bootstrapped."""
    right, true = counts[[0, 1], [0, 1]], counts.sum(axis=1)
    plain = _plain_rates(metrics.rates(counts))
    for name, values in metrics.rates(metrics.resample(counts, seed)).items():
        interval = metrics.percentiles(values)
        plain[f"{name}_interval"] = _named(interval.T) if interval.ndim == 2 else interval
    plain["accuracy_interval"] = metrics.wilson(right.sum(), true.sum())
    plain["recall_interval"] = _named(list(map(metrics.wilson, right, true)))
    return plain


def _plain_rates(rates: dict[str, Floats]) -> dict[str, Any]:
    return {name: _named(rate) if rate.ndim else rate for name, rate in rates.items()}


def _named(pair: Any) -> dict[str, Any]:
    return dict(zip(LABELS, pair, strict=True))


def _plain(value: Any) -> Any:
    """Arrays, tuples and NaN as JSON has them: lists and None."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value
