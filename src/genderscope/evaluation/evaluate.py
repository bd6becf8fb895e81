"""A model as it runs x a labelled data set -> a report that JSON can hold.

One picture, one labelled face. Every labelled picture counts: one without a detected face is
classified as a whole, and one that cannot be read is a wrong answer. Knows nothing of training, of
screens or of the command line.
"""

import platform
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from genderscope import __version__
from genderscope.core.errors import DatasetError, PictureError
from genderscope.core.protocols import Detector
from genderscope.core.types import LABELS, Floats, Frame, Image, Prediction, Sample
from genderscope.evaluation import face_sizes, metrics, predictions
from genderscope.evaluation.metrics import calibration
from genderscope.evaluation.predictions import Answer as Answer
from genderscope.imaging.preprocess import PreprocessSpec, crop
from genderscope.inference.classifier import Classifier
from genderscope.inference.locate import locate

ACCURACY_IS = (
    "argmax without abstention, over every labelled picture: one without a detected face is "
    "classified as a whole, one that cannot be read counts as wrong"
)
AS_IT_IS = 0
"""In place of the pixels across, of a face in its picture as it is."""


def answers(
    samples: Iterable[Sample],
    detector: Detector,
    classifier: Classifier,
    batch_size: int = 256,
    face_px: Sequence[int] = (),
    search_again: bool = False,
) -> Iterator[Answer]:
    """Ask the model for every sample, in order, as it would run on a photograph.

    Args:
        face_px: also ask with the face so many pixels across; see ``face_sizes``.
        search_again: find the face anew in each of the smaller pictures.
    """
    stream = iter(samples)
    while batch := list(islice(stream, batch_size)):
        looks = [_look(s, detector, classifier.spec, face_px, search_again) for s in batch]
        crops = [crop for look in looks if not isinstance(look, str) for crop in look[0].values()]
        scores = (
            (woman, man)
            for start in range(0, len(crops), batch_size)
            for woman, man in classifier(np.stack(crops[start : start + batch_size])).tolist()
        )
        for sample, look in zip(batch, looks, strict=True):
            if isinstance(look, str):
                yield Answer(sample, error=look)
            else:
                said = {px: Prediction(next(scores), classifier.min_confidence) for px in look[0]}
                yield Answer(sample, said.pop(AS_IT_IS), found=look[1], smaller=said)


def _look(
    sample: Sample,
    detector: Detector,
    spec: PreprocessSpec,
    face_px: Sequence[int],
    search_again: bool,
) -> tuple[dict[int, Image], bool] | str:
    """The crops by the face's size, and whether it was detected, or why there are none."""
    try:
        located = locate(sample, detector, spec)
        image, [face], [own] = located.frame.image, located.faces, located.crops
        assert image is not None  # what cannot be read was raised
        crops = {AS_IT_IS: own}
        for size in face_px:
            if small := face_sizes.shrunk(image, face, size):
                picture, where = small
                if search_again:
                    box, frame = sample.box and where.box, Frame(str(sample.file), picture)
                    [crops[size]] = locate(frame, detector, spec, one_face=True, box=box).crops
                else:
                    crops[size] = crop(picture, where, spec)
        return crops, located.detected
    except PictureError as error:
        return str(error)


def report(
    given: Sequence[Answer],
    *,
    dataset: str,
    split: str,
    model: str,
    detector: str,
    min_confidence: float,
    face_px: Sequence[int] = (),
    search_again: bool = False,
    seed: int = 0,
    command: str = "",
) -> dict[str, Any]:
    """Everything that the answers say about the model, ready for JSON; an undefined number is None.

    Args:
        face_px, search_again: as the answers were asked.

    Raises:
        DatasetError: no sample has a label.
    """
    labelled = [answer for answer in given if answer.sample.label is not None]
    if not labelled:
        raise DatasetError(f"{dataset} has no labelled picture in the split {split!r}")
    said = predictions.of(labelled, model)
    truth, score = said.truth, said.score
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
        "calibration": calibration.calibration(truth, score, seed),
        "selective": metrics.selective(truth, score, min_confidence),
        "risk_coverage": calibration.risk_coverage(truth, score, seed),
        "trivial": {name: _plain_rates(rates) for name, rates in metrics.trivial(counts).items()},
        "by_group": {
            column: _by_group(truth, score, groups, min_confidence, seed)
            for column, groups in said.groups.items()
        },
        **({"face_size": _face_size(labelled, face_px, search_again)} if face_px else {}),
        "not_found": sum(not (answer.found or answer.error) for answer in labelled),
        "unreadable": [
            {"file": str(answer.sample.file), "reason": answer.error}
            for answer in labelled
            if answer.error
        ],
        "unlabelled": [str(a.sample.file) for a in given if a.sample.label is None],
        "seed": seed,
        "versions": versions(),
        "command": command,
    }
    plain: dict[str, Any] = metrics.plain(everything)
    return plain


def versions() -> dict[str, str]:
    """What the numbers may depend on."""
    packages = ("numpy", "onnxruntime", "opencv-python-headless", "scikit-learn")
    ours = {"python": platform.python_version(), "genderscope": __version__}
    return ours | {name: version(name) for name in packages}


def _by_group(
    truth: metrics.Integers,
    score: Floats,
    groups: npt.NDArray[np.str_],
    min_confidence: float,
    seed: int,
) -> dict[str, Any]:
    more = calibration.by_group(truth, score, groups, min_confidence, seed)
    return {
        name: group | more[name] for name, group in metrics.by_group(truth, score, groups).items()
    }


def _face_size(
    labelled: Sequence[Answer], face_px: Sequence[int], search_again: bool
) -> dict[str, Any]:
    return {
        "how": face_sizes.HOW,
        "faces_are": face_sizes.SEARCHED if search_again else face_sizes.LOCATED,
        "curve": face_sizes.curve(labelled, face_px),
    }


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
