"""Predictions of many pictures, by this package or any other method, as arrays and tables."""

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from genderscope.core.errors import DatasetError
from genderscope.core.storage import csv_of, text, write_whole
from genderscope.core.types import LABELS, UNCERTAIN, Floats, Prediction, Sample, Scene
from genderscope.data import datasets
from genderscope.data.datasets import table
from genderscope.data.datasets._checks import OneLabelEach
from genderscope.evaluation.exploration.tally import MOST_GROUPS
from genderscope.evaluation.metrics import Bools, Integers, decide

Meaning = Literal["man", "confidence"]

ANSWERS = ("prediction", "score")
"""A table needs at least one of these columns."""
COLUMNS = ("file", "label", *ANSWERS)
IDENTITY = "identity"
"""The column of the person in each picture, where known."""
OUTCOMES = (*LABELS, UNCERTAIN)
NO_ANSWER, UNSURE = -1, OUTCOMES.index(UNCERTAIN)
WORDS: dict[str, int | None] = table.WORDS | {UNCERTAIN: UNSURE}


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's prediction of one sample, or the error instead; whether the face was detected, and
    predictions of the same face at ``smaller`` sizes, by its width in pixels, if requested.
    """

    sample: Sample
    prediction: Prediction | None = None
    detected: bool = False
    error: str | None = None
    smaller: dict[int, Prediction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.prediction is None) == (self.error is None):
            raise ValueError("an answer has either a prediction or an error")


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Predictions of n pictures by the model or method ``name``: ``truth``, (n,) int64, indexes
    ``LABELS``, -1 where unknown; ``labels``, likewise, ``OUTCOMES``, -1 without an answer;
    ``score``, (n,) float64, is P(man), or NaN. ``columns`` are further values, such as groups.
    """

    name: str
    files: tuple[str, ...]
    truth: Integers
    score: Floats
    labels: Integers
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {len(self.truth), len(self.score), len(self.labels)}
        if lengths | {len(column) for column in self.columns.values()} != {len(self.files)}:
            raise ValueError("every array and column needs as many values as there are files")

    def __len__(self) -> int:
        return len(self.files)

    @property
    def forced(self) -> Integers:
        """The labels without abstention, (n,) int64: ``uncertain`` becomes the label nearer to the
        score; -1 without an answer, or for ``uncertain`` without a score.
        """
        return np.where(self.answered, self.labels, decide(self.score))

    @property
    def answered(self) -> Bools:
        """Whether each prediction is a label, (n,): neither uncertain nor missing."""
        return (self.labels >= 0) & (self.labels < len(LABELS))

    @property
    def right(self) -> Bools:
        """Whether each labelled picture is right without abstention, (labelled,)."""
        right: Bools = (self.forced == self.truth)[self.truth >= 0]
        return right

    @property
    def groups(self) -> dict[str, npt.NDArray[np.str_]]:
        """The columns that define groups, (n,) each: those of at most ``MOST_GROUPS`` values, and
        not the persons.
        """
        return {
            name: np.array(column)
            for name, column in self.columns.items()
            if name != IDENTITY and len(set(column)) <= MOST_GROUPS
        }

    def rows(self, rows: Integers) -> Self:
        """The predictions with these indices, in their order."""
        indices = rows.tolist()
        return replace(
            self,
            files=tuple(self.files[row] for row in indices),
            truth=self.truth[rows],
            score=self.score[rows],
            labels=self.labels[rows],
            columns={
                name: tuple(column[row] for row in indices) for name, column in self.columns.items()
            },
        )


def from_scene(scene: Scene) -> Answer:
    """The prediction of an unlabelled picture that shows one face."""
    sample = Sample(Path(scene.frame.path), None)
    if scene.frame.error is not None:
        return Answer(sample, error=scene.frame.error)
    [result] = scene.results
    return Answer(sample, result.prediction)


def of(answers: Iterable[Answer], name: str) -> Predictions:
    """A model's answers, in order; groups become columns unless named like one of ``COLUMNS``, and
    persons, if any is known, the column ``IDENTITY``.
    """
    answers = list(answers)
    groups = dict.fromkeys(group for answer in answers for group in answer.sample.groups)
    persons = tuple(answer.sample.identity or "" for answer in answers)
    predictions = [answer.prediction for answer in answers]
    return Predictions(
        name,
        tuple(answer.sample.file.as_posix() for answer in answers),
        np.array([-1 if a.sample.label is None else a.sample.label for a in answers], np.int64),
        np.array([p.scores[1] if p else np.nan for p in predictions], np.float64),
        np.array([OUTCOMES.index(p.label) if p else NO_ANSWER for p in predictions], np.int64),
        {
            group: tuple(answer.sample.groups.get(group, "") for answer in answers)
            for group in groups
            if group not in COLUMNS
        }
        | ({IDENTITY: persons} if any(persons) else {}),
    )


def read(path: Path, score_is: Meaning = "man", needed: Sequence[str] = ("file",)) -> Predictions:
    """Read a table of predictions, CSV or Parquet, which must have the columns ``needed``; see
    ``from_rows``.

    Column names may follow the path: ``FILE?file=path&score=probability``.
    """
    path, names = datasets.with_options(str(path), "a table of predictions", COLUMNS)
    for option in (*needed, *(ANSWERS if score_is == "confidence" else ())):
        names.setdefault(option, option)

    def by_option(row: dict[str, str]) -> dict[str, str]:
        others = {name: value for name, value in row.items() if name not in names.values()}
        return others | {option: row[name] for option, name in names.items()}

    one_of = () if {*ANSWERS} & {*names} else ANSWERS
    rows = ((where, by_option(row)) for where, row in table.rows(path, names, str(path), one_of))
    return from_rows(path, rows, score_is)


def from_rows(path: Path, rows: Iterable[table.Row], score_is: Meaning = "man") -> Predictions:
    """Predictions from a table's rows: ``file,label,prediction,score`` and any other columns.

    ``file`` is relative to the table; ``label`` is a data set's word (see ``datasets.table``) or
    empty; ``prediction`` is such a word, ``uncertain``, or empty where there is no answer;
    ``score`` is P(man), or empty. One of the last two may be absent, and so may the label. If
    ``score_is`` is ``confidence``, the score is the probability of the prediction, which is needed.
    ``DatasetError`` if a row is not valid, two rows label a file differently, or there are no rows.
    """
    truth, scores, labels, kept = [], [], [], []
    one_label = OneLabelEach()
    for line, row in rows:
        where = f"{path}, {line}"
        if not row["file"]:
            raise DatasetError(f"{where}: the file name is empty")
        score = _score(row.get("score", ""), where)
        prediction = table.index(row.get("prediction", ""), "prediction", WORDS, where)
        if score_is == "confidence":
            score = _of_man(score, prediction, where)
        nearer = NO_ANSWER if np.isnan(score) else int(score > 0.5)
        if prediction in (0, 1) and nearer == 1 - prediction and score != 0.5:
            raise DatasetError(
                f"{where}: prediction {row['prediction']!r} with a score of {score:g}; the "
                "score is the probability of man: give that, or add --score-is confidence, in "
                "Python score_is='confidence'"
            )
        label = table.index(row.get("label", ""), "label", table.WORDS, where)
        one_label.check(path.parent / table.posix(row["file"]), label, path, line)
        truth.append(-1 if label is None else label)
        labels.append(nearer if prediction is None else prediction)
        scores.append(score)
        kept.append(row)
    if not kept:
        raise DatasetError(f"{path} has no rows")
    return Predictions(
        path.stem,
        tuple(os.path.normpath(path.parent / table.posix(row["file"])) for row in kept),
        np.array(truth, np.int64),
        np.array(scores),
        np.array(labels, np.int64),
        {name: tuple(row[name] for row in kept) for name in kept[0] if name not in COLUMNS},
    )


def write(path: Path, predictions: Predictions) -> None:
    """Write a CSV that ``read`` reads, as does the data set ``table``. Names are valid Unicode, as
    in other results: see ``storage.text``.
    """
    rows: list[list[object]] = [[*COLUMNS, *predictions.columns]]
    here = os.path.realpath(path.parent)
    for file, truth, label, score, *values in zip(
        predictions.files,
        predictions.truth.tolist(),
        predictions.labels.tolist(),
        predictions.score.tolist(),
        *predictions.columns.values(),
        strict=True,
    ):
        named = file if os.path.isabs(file) else Path(os.path.relpath(file, here)).as_posix()
        prediction = "" if label == NO_ANSWER else OUTCOMES[label]
        number = "" if np.isnan(score) else f"{score:.6f}"
        rows.append([text(named), "" if truth < 0 else LABELS[truth], prediction, number, *values])
    write_whole(path, csv_of(rows))


def _score(text: str, where: str) -> float:
    try:
        number = float(text or "nan")
    except ValueError as error:
        raise DatasetError(f"{where}: score {text!r} is not a number") from error
    if not (0 <= number <= 1 or np.isnan(number)):
        raise DatasetError(f"{where}: score {text} is not between 0 and 1")
    return number


def _of_man(confidence: float, prediction: int | None, where: str) -> float:
    """P(man) from the probability of the prediction; NaN if that is not a label."""
    if prediction not in (0, 1):
        return math.nan
    if confidence < 0.5:
        raise DatasetError(f"{where}: confidence {confidence:g} in one of two labels is below 0.5")
    return confidence if prediction == 1 else 1 - confidence
