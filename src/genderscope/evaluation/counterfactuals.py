"""Counterfactual evaluation: how often the label flips when one condition of the picture changes.

The flip rate of a condition is the share of faces whose label without abstention differs from that
in the original picture, for a model of this package or from any method's predictions.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from genderscope.core.errors import DatasetError
from genderscope.core.protocols import Detector
from genderscope.core.results import Document, Estimate, Provenance, Record
from genderscope.core.types import LABELS, Box, Floats, Frame, Image, Sample
from genderscope.data.counterfactuals import Condition, conditions
from genderscope.evaluation import metrics
from genderscope.evaluation.counterfactual_faces import ORIGINAL, FaceSample, find, on_canvas, views
from genderscope.evaluation.exploration.tally import MOST_GROUPS
from genderscope.evaluation.metrics import Integers
from genderscope.evaluation.metrics.groups import members
from genderscope.evaluation.predictions import NO_ANSWER, Predictions
from genderscope.imaging.preprocess import crop
from genderscope.inference.classifier import Classifier
from genderscope.inference.locate import locate

GENDER = "gender"
NO_ORIGINAL = "the table lacks its original picture"
LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless")


class ConditionResult(Record, frozen=True, kw_only=True):
    """One condition, over the faces that have an answer with and without it; ``no_answer`` counts
    the others. ``kind`` is one of ``data.counterfactuals.KINDS``, None for other conditions.

    ``flips`` are faces whose label changes, ``flip_rate`` their share, with Wilson's interval, also
    by column and group (None below ``SMALLEST_N`` faces) and by the new label.
    ``confidence_change`` is the mean change of the original label's score, with a bootstrap
    interval over faces; ``accuracy`` is over every labelled face, without abstention; no answer is
    wrong. ``found`` and ``accuracy_of_found`` are of the redetected faces, if detection is rerun.
    """

    name: str
    kind: str | None
    no_answer: int
    flips: int
    flip_rate: Estimate
    to_man: float | None
    to_woman: float | None
    confidence_change: Estimate
    accuracy: Estimate
    found: Estimate | None = None
    accuracy_of_found: Estimate | None = None
    by_group: dict[str, dict[str, Estimate]]


class Counterfactuals(Document, frozen=True, kw_only=True):
    """The flip rates of a model or method over ``n`` faces: ``genderscope counterfactuals --json``.
    Split and detector are None where predictions were read from a table; if ``redetected``, the
    detector ran again on each counterfactual picture. ``skipped`` counts samples without a face to
    draw on, by reason; ``sheet`` is a file beside this one, ``accuracy`` is on the originals.
    """

    KIND = "counterfactuals"

    model: str
    dataset: str
    split: str | None = None
    detector: str | None = None
    redetected: bool = False
    n: int
    skipped: dict[str, int]
    sheet: str | None = None
    accuracy: Estimate
    conditions: tuple[ConditionResult, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Predictions for n faces, each first in its original picture, then in c conditions:
    ``labels``, (n, 1 + c), index ``LABELS`` without abstention, or are -1; ``scores``, likewise,
    are P(man), or NaN; ``truth``, (n,), is -1 where unknown; ``groups`` are the data set's groups,
    (n,) by column of at most ``MOST_GROUPS`` values. ``skipped`` counts samples without a face to
    draw on, by reason.
    """

    conditions: tuple[str, ...]
    labels: Integers
    scores: Floats
    truth: Integers
    groups: dict[str, npt.NDArray[np.str_]] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Setup:
    """What to measure; ``seed`` sets the drawn shapes and colours. ``redetect`` runs the detector
    again on each counterfactual picture, on a grey canvas of twice its size, which measures the
    detector too; otherwise all pictures of a face are cropped alike.
    """

    detector: Detector
    classifier: Classifier
    conditions: Sequence[Condition]
    seed: int = 0
    redetect: bool = False


def measure(
    samples: Iterable[Sample],
    setup: Setup,
    on_face: Callable[[FaceSample, Floats], None] = lambda face, scores: None,
) -> Answers:
    """Classify each face in all conditions. Samples without a face or landmarks are skipped;
    ``DatasetError`` if none is left. ``on_face`` is called with each face and its P(man),
    (1 + conditions,), the original first; NaN where it was not redetected.
    """
    detector, classifier = setup.detector, setup.classifier
    skipped: Counter[str] = Counter()
    faces, scores = [], []
    for face in find(samples, detector, classifier.spec):
        if isinstance(face, str):
            skipped[face] += 1
            continue
        if setup.redetect:
            face = on_canvas(face)
        cropped = partial(crop, face=face.face, spec=classifier.spec)
        redetected = partial(_redetected, box=face.face.box, setup=setup)
        original, *changed = views(face, setup.conditions, setup.seed)
        crops = [cropped(original), *map(redetected if setup.redetect else cropped, changed)]
        faces.append(face.sample)
        scores.append(np.full(len(crops), np.nan))
        found = [each is not None for each in crops]
        scores[-1][found] = classifier(np.stack([each for each in crops if each is not None]))[:, 1]
        on_face(face, scores[-1])
    if not faces:
        reasons = "; ".join(f"{count:,}: {reason}" for reason, count in skipped.items())
        raise DatasetError(
            f"no sample has a face with landmarks ({reasons})"
            if reasons
            else "no sample is labelled"
        )
    columns = dict.fromkeys(column for sample in faces for column in sample.groups)
    groups = {name: np.array([face.groups.get(name, "") for face in faces]) for name in columns}
    return Answers(
        tuple(condition.name for condition in setup.conditions),
        metrics.decide(np.stack(scores)),
        np.stack(scores),
        np.array([-1 if face.label is None else face.label for face in faces]),
        {name: of for name, of in groups.items() if len(np.unique(of)) <= MOST_GROUPS},
        dict(skipped),
    )


def _redetected(view: Image, box: Box, setup: Setup) -> Image | None:
    """The crop of the first detected face whose centre lies in ``box``, if any."""
    located = locate(Frame("", view), setup.detector, setup.classifier.spec)
    pairs = zip(located.faces, located.crops, strict=True)
    return next((crop for face, crop in pairs if box.holds(face.box.centre)), None)


def from_predictions(predictions: Predictions) -> Answers:
    """Answers from any method's predictions of the pictures of ``counterfactual_faces.writing``;
    ``DatasetError`` if the column ``face`` or ``condition`` is missing, a face occurs twice in a
    condition, or there are no originals or no conditions.
    """
    columns = predictions.columns
    if missing := [name for name in ("face", "condition") if name not in columns]:
        raise DatasetError(
            f"{predictions.name} lacks the columns {', '.join(missing)} of the table that "
            "--pictures-out wrote"
        )
    pairs = list(zip(columns["face"], columns["condition"], strict=True))
    if twice := next((pair for pair, n in Counter(pairs).items() if n > 1), None):
        raise DatasetError(
            f"{predictions.name} has the face {twice[0]} twice in the condition {twice[1]!r}"
        )
    names = [name for name in dict.fromkeys(columns["condition"]) if name != ORIGINAL]
    originals = [face for face, name in pairs if name == ORIGINAL]
    if not originals or not names:
        raise DatasetError(
            f"{predictions.name} has no face in the condition {ORIGINAL!r} and in another one"
        )
    row_of = {pair: row for row, pair in enumerate(pairs)}
    rows = np.array(
        [[row_of.get((face, name), -1) for name in (ORIGINAL, *names)] for face in originals]
    )
    without_original = len({*columns["face"]} - {*originals})
    return Answers(
        tuple(names),
        np.append(predictions.forced, NO_ANSWER)[rows],  # row -1 is the last
        np.append(predictions.score, np.nan)[rows],
        predictions.truth[rows[:, 0]],
        {
            name: values[rows[:, 0]]
            for name, values in predictions.groups.items()
            if name not in ("face", "condition")
        },
        {NO_ORIGINAL: without_original} if without_original else {},
    )


def report(
    answers: Answers,
    *,
    model: str,
    dataset: str,
    provenance: Provenance,
    split: str | None = None,
    detector: str | None = None,
    redetected: bool = False,
    sheet: str | None = None,
) -> Counterfactuals:
    """The numbers of each condition, by group and label; ``provenance.seed`` is the bootstrap's."""
    kinds = {name: condition.kind for name, condition in conditions().items()}
    return Counterfactuals(
        provenance=provenance,
        model=model,
        dataset=dataset,
        split=split,
        detector=detector,
        redetected=redetected,
        n=len(answers.truth),
        skipped=answers.skipped,
        sheet=sheet,
        accuracy=_accuracy(answers.labels[:, 0], answers.truth),
        conditions=tuple(
            _condition(answers, column, kinds.get(name), provenance.seed or 0, redetected)
            for column, name in enumerate(answers.conditions, start=1)
        ),
    )


def _condition(
    answers: Answers, column: int, kind: str | None, seed: int, redetected: bool
) -> ConditionResult:
    labels, scores = answers.labels[:, [0, column]], answers.scores[:, [0, column]]
    answered = (labels != NO_ANSWER).all(1)
    before, after = labels[answered].T
    flipped = before != after
    # Scores of the original label, before and after.
    original = np.where(before[:, None] == 1, scores[answered], 1 - scores[answered])
    change = original[:, 1] - original[:, 0]
    groups = answers.groups | {GENDER: np.array([*LABELS, ""])[answers.truth]}
    return ConditionResult(
        name=answers.conditions[column - 1],
        kind=kind,
        no_answer=int((~answered).sum()),
        flips=int(flipped.sum()),
        flip_rate=metrics.share(flipped, 1),
        to_man=metrics.share(flipped & (after == 1), 1).value,
        to_woman=metrics.share(flipped & (after == 0), 1).value,
        confidence_change=_mean(change[~np.isnan(change)], seed),
        accuracy=_accuracy(answers.labels[:, column], answers.truth),
        found=metrics.share(answered, 1) if redetected else None,
        accuracy_of_found=_accuracy(after, answers.truth[answered]) if redetected else None,
        by_group={
            name: {
                group: metrics.share(flipped[member])
                for group, member in members(values[answered])
                if group
            }
            for name, values in groups.items()
        },
    )


def _accuracy(labels: Integers, truth: Integers) -> Estimate:
    return metrics.share((labels == truth)[truth >= 0], 1)


def _mean(values: Floats, seed: int) -> Estimate:
    """The mean, with the bootstrap's percentile interval."""
    if (n := len(values)) < 2:  # a single value has no spread
        return Estimate(n=n, value=float(values[0]) if n else None, interval=None)
    return metrics.estimate(values.mean(), metrics.mean_interval(values, seed), n)
