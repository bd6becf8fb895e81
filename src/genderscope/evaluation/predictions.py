"""Predictions for many pictures, by this package or any other method: arrays and tables."""

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from genderscope.core.errors import DatasetError
from genderscope.core.storage import csv_of, write_whole
from genderscope.core.types import LABELS, UNCERTAIN, Floats, Prediction, Sample, Scene
from genderscope.data import datasets
from genderscope.data.datasets import table
from genderscope.evaluation.exploration.tally import MOST_GROUPS

Meaning = Literal["man", "confidence"]
Integers = npt.NDArray[np.int64]

ANSWERS = ("prediction", "score")
"""The columns of which a table needs one."""
COLUMNS = ("file", "label", *ANSWERS)
OUTCOMES = (*LABELS, UNCERTAIN)
NO_ANSWER, UNSURE = -1, OUTCOMES.index(UNCERTAIN)
WORDS: dict[str, int | None] = table.WORDS | {UNCERTAIN: UNSURE}


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's prediction of one sample, or the error in its place; whether the detector found the
    face, and predictions of the same face at ``smaller`` sizes in pixels, if requested.
    """

    sample: Sample
    prediction: Prediction | None = None
    detected: bool = False
    error: str | None = None
    smaller: dict[int, Prediction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.prediction is None) == (self.error is None):
            raise ValueError("an answer has a prediction or an error, and not both")


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Predictions of n pictures by a model or method of this name: ``truth``, (n,) int64, indexes
    ``LABELS``, -1 where unknown; ``labels`` ``OUTCOMES``, with abstention, -1 without an answer;
    ``score``, (n,) float64, is P(man), or NaN. Columns are further values, such as groups.
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
        """The labels without abstention, (n,) int64: ``uncertain`` becomes the label that the
        score is nearer to; -1 where there is no answer, or ``uncertain`` without a score.
        """
        nearer = np.where(np.isnan(self.score), NO_ANSWER, self.score > 0.5)
        return np.where(np.isin(self.labels, range(len(LABELS))), self.labels, nearer)

    @property
    def groups(self) -> dict[str, npt.NDArray[np.str_]]:
        """The columns that divide the pictures into groups: those of a few values, (n,) each."""
        return {
            name: np.array(column)
            for name, column in self.columns.items()
            if len(set(column)) <= MOST_GROUPS
        }


def from_scene(scene: Scene) -> Answer:
    """The prediction of an unlabelled picture that shows one face."""
    sample = Sample(Path(scene.frame.path), None)
    if scene.frame.error is not None:
        return Answer(sample, error=scene.frame.error)
    [result] = scene.results
    return Answer(sample, result.prediction)


def of(answers: Iterable[Answer], name: str) -> Predictions:
    """A model's answers in order, with groups as columns unless named as one of ``COLUMNS``."""
    answers = list(answers)
    groups = dict.fromkeys(group for answer in answers for group in answer.sample.groups)
    predictions = [answer.prediction for answer in answers]
    return Predictions(
        name,
        tuple(answer.sample.file.as_posix() for answer in answers),
        _integers(-1 if a.sample.label is None else a.sample.label for a in answers),
        np.array([p.scores[1] if p else np.nan for p in predictions], np.float64),
        _integers(OUTCOMES.index(p.label) if p else NO_ANSWER for p in predictions),
        {
            group: tuple(answer.sample.groups.get(group, "") for answer in answers)
            for group in groups
            if group not in COLUMNS
        },
    )


def read(path: Path, score_is: Meaning = "man", needed: Sequence[str] = ("file",)) -> Predictions:
    """The predictions in a table, CSV or Parquet, with the columns that are ``needed``: see
    ``from_rows``.

    Other names of columns may follow the path: ``FILE?file=path&score=probability``.
    """
    source = str(path)
    path, names = datasets.with_options(source, "a table of predictions", COLUMNS)
    for option in (*needed, *(ANSWERS if score_is == "confidence" else ())):
        names.setdefault(option, option)

    def by_option(row: dict[str, str]) -> dict[str, str]:
        others = {name: value for name, value in row.items() if name not in names.values()}
        return others | {option: row[name] for option, name in names.items()}  # may be the same

    one_of = () if {*ANSWERS} & {*names} else ANSWERS
    rows = ((where, by_option(row)) for where, row in table.rows(path, names, source, one_of))
    return from_rows(path, rows, score_is)


def from_rows(path: Path, rows: Iterable[table.Row], score_is: Meaning = "man") -> Predictions:
    """The predictions in a table's rows: ``file,label,prediction,score`` and any other columns.

    ``file`` is relative to the table; ``label`` is a data set's word (see ``datasets.table``) or
    empty; ``prediction`` is such a word, ``uncertain``, or empty where there is no answer;
    ``score`` is P(man), or empty. Either of the last two may be absent, and so may the label. If
    ``score_is`` ``confidence``, the score is the probability of the prediction, which is needed.
    ``DatasetError`` if a row is not valid, or there is none.
    """
    truth, scores, labels, kept = [], [], [], []
    for line, row in rows:
        where = f"{path}, {line}"
        if not row["file"]:
            raise DatasetError(f"{where}: no file is named")
        score = _score(row.get("score", ""), where)
        prediction = table.index(row.get("prediction", ""), "prediction", WORDS, where)
        if score_is == "confidence":
            score = _of_man(score, prediction, where)
        nearer = NO_ANSWER if np.isnan(score) else int(score > 0.5)
        if prediction in (0, 1) and nearer == 1 - prediction and score != 0.5:
            raise DatasetError(
                f"{where}: prediction {row['prediction']!r} with a score of {score:g}; the "
                "score is the probability of man: give that, or add --score-is confidence"
            )
        label = table.index(row.get("label", ""), "label", WORDS, where)
        if label == UNSURE:
            raise DatasetError(f"{where}: a label is known or empty, not {UNCERTAIN}")
        truth.append(-1 if label is None else label)
        labels.append(nearer if prediction is None else prediction)
        scores.append(score)
        kept.append(row)
    if not kept:
        raise DatasetError(f"{path} has no rows")
    return Predictions(
        path.stem,
        tuple(os.path.normpath(path.parent / table.posix(row["file"])) for row in kept),
        _integers(truth),
        np.array(scores),
        _integers(labels),
        {name: tuple(row[name] for row in kept) for name in kept[0] if name not in COLUMNS},
    )


def write(path: Path, predictions: Predictions) -> None:
    """Write the CSV that ``read`` reads; it is a data set too, of the name ``table``."""
    rows: list[list[object]] = [[*COLUMNS, *predictions.columns]]
    here = os.path.realpath(path.parent)
    for file, truth, label, score, *more in zip(
        predictions.files,
        predictions.truth.tolist(),
        predictions.labels.tolist(),
        predictions.score.tolist(),
        *predictions.columns.values(),
        strict=True,
    ):
        place = file if os.path.isabs(file) else Path(os.path.relpath(file, here)).as_posix()
        prediction = "" if label == NO_ANSWER else OUTCOMES[label]
        number = "" if np.isnan(score) else f"{score:.6f}"
        rows.append([place, "" if truth < 0 else LABELS[truth], prediction, number, *more])
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
    """P(man) from the probability of the prediction; NaN where that is of neither label."""
    if confidence < 0.5 and prediction in (0, 1):
        raise DatasetError(f"{where}: confidence {confidence:g} in one of two labels is below 0.5")
    return confidence if prediction == 1 else 1 - confidence if prediction == 0 else math.nan


def _integers(values: Iterable[int]) -> Integers:
    return np.fromiter(values, np.int64)
