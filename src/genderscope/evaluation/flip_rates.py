"""How often a classifier's answer about a face flips when only a condition changes.

A flip is an answer that differs from the one on the same picture as it is, both decided without
abstention. Works on a model of this package or on anybody's predictions. Knows nothing of how the
conditions are made.
"""

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from genderscope import __version__
from genderscope.core.errors import DatasetError
from genderscope.core.protocols import Detector
from genderscope.core.types import LABELS, Floats, Frame, Image, Sample
from genderscope.data.counterfactuals import Condition, conditions
from genderscope.evaluation import metrics
from genderscope.evaluation.altered_faces import ORIGINAL, Found, Missed, find, views
from genderscope.evaluation.predictions import NO_ANSWER, Predictions
from genderscope.imaging.preprocess import crop
from genderscope.inference.classifier import Classifier
from genderscope.inference.locate import locate

FLIP_IS = (
    "the label with the higher score, without abstention, differs from that of the same face in "
    "the unaltered picture"
)
CONFIDENCE_IS = (
    "mean change of the score of the label that the unaltered picture gets, with a bootstrap "
    "interval over faces"
)
GENDER = "gender"
RESAMPLES = 2000

Integers = npt.NDArray[np.int64]


def measure(
    samples: Iterable[Sample],
    detector: Detector,
    classifier: Classifier,
    chosen: Sequence[Condition],
    seed: int,
    *,
    redetect: bool = False,
    seen: Callable[[Found, Floats], None] = lambda found, man: None,
    **about: Any,
) -> dict[str, Any]:
    """Ask a model for each face in all conditions: see ``report``.

    A sample whose face is not found, or has no landmarks to draw by, is counted as skipped.

    Args:
        redetect: looks for the face anew in each altered picture, so that the whole chain is
            measured; else all of a face's pictures are cut alike.
        seen: is called with each face and its P(man), (1 + conditions,), the unaltered one first.

    Raises:
        DatasetError: there is no face that could be altered.
    """
    skipped: Counter[str] = Counter()
    faces, scores = [], []
    for found in find(samples, detector, classifier.spec):
        if isinstance(found, Missed):
            skipped[found.reason] += 1
            continue
        crops: list[Image] = []
        for view in views(found, chosen, seed):
            if redetect and view is not found.image:
                box = found.sample.box
                again = locate(Frame("", view), detector, classifier.spec, one_face=True, box=box)
                crops += again.crops
            else:
                crops.append(crop(view, found.face, classifier.spec))
        faces.append(found.sample)
        scores.append(classifier(np.stack(crops))[:, 1])
        seen(found, scores[-1])
    if not faces:
        raise DatasetError(f"no face was found that could be altered: {dict(skipped)}")
    names = dict.fromkeys(column for sample in faces for column in sample.groups)
    columns = {name: np.array([face.groups.get(name, "") for face in faces]) for name in names}
    truth = np.array([-1 if face.label is None else face.label for face in faces])
    score = np.stack(scores)
    return report(
        [condition.name for condition in chosen],
        metrics.decide(score),
        score,
        truth,
        columns,
        seed=seed,
        model=classifier.name,
        detector=detector.name,
        redetected=redetect,
        skipped=dict(skipped),
        **about,
    )


def given(predictions: Predictions, seed: int, **about: Any) -> dict[str, Any]:
    """The same from anybody's predictions of the pictures that ``altered.Pictures`` wrote.

    Raises:
        DatasetError: the columns ``face`` and ``condition`` are missing, or no face has an
            unaltered picture.
    """
    columns = predictions.columns
    if missing := [name for name in ("face", "condition") if name not in columns]:
        raise DatasetError(
            f"{predictions.name} lacks the columns {', '.join(missing)} of the table that "
            "--pictures-out wrote"
        )
    found = dict.fromkeys(columns["condition"])
    names = [name for name in found if name != ORIGINAL]
    place = {name: number for number, name in enumerate([ORIGINAL, *names])}
    first = {
        face: row
        for row, (face, condition) in enumerate(
            zip(columns["face"], columns["condition"], strict=True)
        )
        if condition == ORIGINAL
    }
    if not first or not names:
        raise DatasetError(
            f"{predictions.name} has no face in the condition {ORIGINAL!r} and in another one"
        )
    number = {face: row for row, face in enumerate(first)}
    decided = np.full((len(first), len(place)), NO_ANSWER)
    score = np.full(decided.shape, np.nan)
    for row, (face, condition) in enumerate(
        zip(columns["face"], columns["condition"], strict=True)
    ):
        if face in number:
            decided[number[face], place[condition]] = predictions.decided[row]
            score[number[face], place[condition]] = predictions.score[row]
    rows = list(first.values())
    groups = {
        name: values[rows]
        for name, values in predictions.groups.items()
        if name not in ("face", "condition")
    }
    return report(names, decided, score, predictions.truth[rows], groups, seed=seed, **about)


def report(
    names: Sequence[str],
    decided: Integers,
    score: Floats,
    truth: Integers,
    columns: dict[str, npt.NDArray[np.str_]],
    *,
    seed: int,
    **about: Any,
) -> dict[str, Any]:
    """What the answers say about each condition.

    Args:
        decided: (faces, 1 + conditions) index into ``LABELS`` or -1, the unaltered pictures first.
        score: the same of P(man), NaN where there is none.
        truth: (faces,), -1 where unknown.
        columns: each face's groups, (faces,); the label joins them as ``gender``.
        about: what else the report says of itself: model, data set, command, ...
    """
    columns = columns | {GENDER: np.array([*LABELS, ""])[truth]}
    kinds = {name: condition.kind for name, condition in conditions().items()}
    everything = {
        **about,
        "n": len(truth),
        "seed": seed,
        "flip_is": FLIP_IS,
        "confidence_is": CONFIDENCE_IS,
        "original": _accuracy(decided[:, 0], truth),
        "conditions": [
            {
                "name": name,
                "kind": kinds.get(name),
                **_condition(decided[:, [0, row]], score[:, [0, row]], truth, columns, seed),
            }
            for row, name in enumerate(names, start=1)
        ],
        "versions": {
            "python": platform.python_version(),
            "genderscope": __version__,
            **{name: version(name) for name in ("numpy", "onnxruntime", "opencv-python-headless")},
        },
    }
    plain: dict[str, Any] = metrics.plain(everything)
    return plain


def _condition(
    decided: Integers,
    score: Floats,
    truth: Integers,
    columns: dict[str, npt.NDArray[np.str_]],
    seed: int,
) -> dict[str, Any]:
    """Numbers of one condition, over the faces that have an answer with and without it."""
    both = (decided != NO_ANSWER).all(1)
    before, after = decided[both].T
    flipped, n = before != after, len(before)
    first = np.where(before[:, None] == 1, score[both], 1 - score[both])
    change = first[:, 1] - first[:, 0]
    change = change[~np.isnan(change)]
    return {
        "n": n,
        "no_answer": int((~both).sum()),
        "flips": int(flipped.sum()),
        "flip_rate": flipped.mean() if n else np.nan,
        "flip_interval": metrics.proportion(flipped.sum(), n).interval,
        "to_man": (flipped & (after == 1)).mean() if n else np.nan,
        "to_woman": (flipped & (after == 0)).mean() if n else np.nan,
        "confidence_change": change.mean() if len(change) else np.nan,
        "confidence_interval": _mean_interval(change, seed),
        **_accuracy(decided[:, 1], truth),
        "by_group": {
            column: {
                str(name): _flips(flipped[values[both] == name])
                for name in sorted(set(values[both]) - {""}, key=metrics.group_order)
            }
            for column, values in columns.items()
        },
    }


def _accuracy(decided: Integers, truth: Integers) -> dict[str, Any]:
    """Over every labelled face; no answer is a wrong one."""
    right = (decided == truth)[truth >= 0]
    return {
        "accuracy": right.mean() if len(right) else np.nan,
        "accuracy_interval": metrics.proportion(right.sum(), len(right)).interval,
    }


def _flips(flipped: npt.NDArray[np.bool_]) -> dict[str, Any]:
    share = metrics.share(flipped)
    return {
        "n": share.n,
        "n_too_small": share.value is None,
        "flip_rate": share.value,
        "flip_interval": share.interval,
    }


def _mean_interval(values: Floats, seed: int) -> Floats:
    """The bootstrap's interval of a mean, (2,)."""
    if not len(values):
        return np.full(2, np.nan)
    draw = np.random.default_rng(seed)
    means = [values[draw.integers(0, len(values), len(values))].mean() for _ in range(RESAMPLES)]
    return metrics.percentiles(np.array(means))
