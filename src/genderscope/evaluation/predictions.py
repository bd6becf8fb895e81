"""What one model or method said of many pictures: as arrays, and as the table that holds it.

The table is how methods of any kind meet: a model of this package, another vendor's, or one that
never looks at a face. Knows nothing of how an answer came about.
"""

import csv
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genderscope.core.errors import DatasetError
from genderscope.core.storage import write_whole
from genderscope.core.types import LABELS, UNCERTAIN, Floats, Prediction, Sample, Scene
from genderscope.data.datasets import table
from genderscope.evaluation.exploration.tally import MOST_GROUPS

Integers = npt.NDArray[np.int64]

COLUMNS = ("file", "label", "prediction", "score")
SAID = (*LABELS, UNCERTAIN)
NO_ANSWER = -1
WORDS: dict[str, int | None] = {**table.WORDS, UNCERTAIN: SAID.index(UNCERTAIN)}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of one sample, or why it says nothing.

    Attributes:
        found: the detector found the face.
        error: why the picture has no prediction. Exactly one of the two is set.
        smaller: what it says of the same face when it is only so many pixels across, where asked.
    """

    sample: Sample
    prediction: Prediction | None = None
    found: bool = False
    error: str | None = None
    smaller: dict[int, Prediction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.prediction is None) == (self.error is None):
            raise ValueError("an answer has a prediction or an error, and not both")


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What was said of n pictures.

    Attributes:
        name: of the model or method.
        files: the pictures.
        truth: (n,) int64, index into ``LABELS``, -1 where unknown.
        score: (n,) float64, P(man); NaN where there is none.
        said: (n,) int64, index into ``SAID``, so with abstention; -1 where there is no answer.
        columns: what else is known of each picture, such as the data set's groups.
    """

    name: str
    files: tuple[str, ...]
    truth: Integers
    score: Floats
    said: Integers
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {len(self.truth), len(self.score), len(self.said)}
        if lengths | {len(column) for column in self.columns.values()} != {len(self.files)}:
            raise ValueError("predictions have as many of everything as there are files")

    def __len__(self) -> int:
        return len(self.files)

    @property
    def decided(self) -> Integers:
        """(n,) int64, index into ``LABELS``: what was said without abstention, which is what the
        score is nearer to; -1 where there is no answer, or ``uncertain`` without a score.
        """
        forced = np.where(np.isnan(self.score), NO_ANSWER, self.score > 0.5)
        return np.where(np.isin(self.said, range(len(LABELS))), self.said, forced)

    @property
    def groups(self) -> dict[str, npt.NDArray[np.str_]]:
        """The columns that divide the pictures into groups: those of a few values, (n,) each."""
        return {
            name: np.array(column)
            for name, column in self.columns.items()
            if len(set(column)) <= MOST_GROUPS
        }


def answered(scene: Scene) -> Answer:
    """What was said of a picture that is one face, whose truth is not known."""
    sample = Sample(Path(scene.frame.path), None)
    if scene.frame.error is not None:
        return Answer(sample, error=scene.frame.error)
    [result] = scene.results
    return Answer(sample, result.prediction)


def of(answers: Iterable[Answer], name: str) -> Predictions:
    """What a model answered, in order, with the groups of the data set as columns.

    A group that has the name of one of ``COLUMNS`` is left out.
    """
    given = list(answers)
    groups = dict.fromkeys(group for answer in given for group in answer.sample.groups)
    predictions = [answer.prediction for answer in given]
    return Predictions(
        name,
        tuple(answer.sample.file.as_posix() for answer in given),
        _integers(-1 if a.sample.label is None else a.sample.label for a in given),
        np.array([p.scores[1] if p else np.nan for p in predictions], np.float64),
        _integers(SAID.index(p.label) if p else NO_ANSWER for p in predictions),
        {
            group: tuple(answer.sample.groups.get(group, "") for answer in given)
            for group in groups
            if group not in COLUMNS
        },
    )


def read(path: Path) -> Predictions:
    """Read a table, CSV or Parquet: ``file,label,prediction,score`` and any further columns.

    ``file`` is relative to the table; ``label`` is a data set's word (see ``datasets.table``) or
    empty; ``prediction`` is such a word, ``uncertain``, or empty where there is no answer;
    ``score`` is P(man), or empty. Either of the last two may be absent, and so may the label.

    Raises:
        DatasetError: it is no such table, or a row of it cannot be meant.
    """
    truth, score, said, rows = [], [], [], []
    for where, row in table.rows(path, ["file"]):
        if not row.keys() & {"prediction", "score"}:
            raise DatasetError(
                f"{path} lacks a column prediction or score; it has: {', '.join(row)}"
            )
        if not row["file"]:
            raise DatasetError(f"{path}, {where}: no file is named")
        given = _number(row.get("score", ""), path, where)
        word = _word(row, "prediction", path, where)
        nearer = NO_ANSWER if np.isnan(given) else int(given > 0.5)
        if word in (0, 1) and nearer == 1 - word and given != 0.5:
            raise DatasetError(
                f"{path}, {where}: prediction {row['prediction']!r} with a score of {given:g}; the "
                "score is the probability of man: give that, or leave the score out"
            )
        label = _word(row, "label", path, where)
        if label == SAID.index(UNCERTAIN):
            raise DatasetError(f"{path}, {where}: a label is known or empty, not {UNCERTAIN}")
        truth.append(-1 if label is None else label)
        said.append(nearer if word is None else word)
        score.append(given)
        rows.append(row)
    if not rows:
        raise DatasetError(f"{path} has no rows")
    return Predictions(
        path.stem,
        tuple(os.path.normpath(path.parent / row["file"]) for row in rows),
        _integers(truth),
        np.array(score),
        _integers(said),
        {name: tuple(row[name] for row in rows) for name in rows[0] if name not in COLUMNS},
    )


def write(path: Path, predictions: Predictions) -> None:
    """Write the CSV that ``read`` reads; it is a data set too, of the name ``table``."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*COLUMNS, *predictions.columns])
    here = os.path.realpath(path.parent)
    for file, label, said, score, *more in zip(
        predictions.files,
        predictions.truth.tolist(),
        predictions.said.tolist(),
        predictions.score.tolist(),
        *predictions.columns.values(),
        strict=True,
    ):
        place = file if os.path.isabs(file) else Path(os.path.relpath(file, here)).as_posix()
        word = "" if said == NO_ANSWER else SAID[said]
        number = "" if np.isnan(score) else f"{score:.6f}"
        rows.writerow([place, "" if label < 0 else LABELS[label], word, number, *more])
    write_whole(path, text.getvalue().encode("utf-8", "surrogateescape"))


def _word(row: dict[str, str], column: str, path: Path, where: str) -> int | None:
    """Index into ``SAID`` of a row's word, or None for none."""
    text = row.get(column, "")
    if (word := text.strip().lower()) not in WORDS:
        known = ", ".join(filter(None, WORDS))
        raise DatasetError(f"{path}, {where}: {column} {text!r} is unknown; there are: {known}")
    return WORDS[word]


def _number(text: str, path: Path, where: str) -> float:
    try:
        number = float(text or "nan")
    except ValueError as error:
        raise DatasetError(f"{path}, {where}: score {text!r} is no number") from error
    if not (0 <= number <= 1 or np.isnan(number)):
        raise DatasetError(f"{path}, {where}: score {text} is not between 0 and 1")
    return number


def _integers(values: Iterable[int]) -> Integers:
    return np.fromiter(values, np.int64)
