"""Selection of samples by conditions, with the number that each condition removes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import inf, isnan
from pathlib import Path

from genderscope.core.errors import UsageError
from genderscope.core.storage import text
from genderscope.core.types import Sample

EXCLUDED = "not excluded"


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions on a sample. An unknown score or age does not meet a condition on it.

    It has a label, is none of the pictures ``without``, see ``listed``, and is ``present``.
    The face's score is above ``min_face_score``, that of a second face, if any, below
    ``max_second_face_score``; None for no second face at all, infinity for any. Ages are in years,
    bounds included. Other bounds of None allow any. ``UsageError`` for NaN, or if no age is left.
    """

    gender_known: bool = True
    without: frozenset[str] = frozenset()
    min_face_score: float | None = None
    max_second_face_score: float | None = inf
    min_age: float | None = None
    max_age: float | None = None
    present: bool = True

    def __post_init__(self) -> None:
        bounds = (self.min_face_score, self.max_second_face_score, self.min_age, self.max_age)
        if any(bound is not None and isnan(bound) for bound in bounds):
            raise UsageError(f"a bound must be a number, not NaN: {self}")
        if self.min_age is not None and self.max_age is not None and self.min_age > self.max_age:
            raise UsageError(f"no age is at least {self.min_age:g} and at most {self.max_age:g}")

    def conditions(self) -> dict[str, Callable[[Sample], bool]]:
        """The conditions by description, the cheap ones first."""
        conditions: dict[str, Callable[[Sample], bool]] = {}
        if self.gender_known:
            conditions["gender known"] = lambda sample: sample.label is not None
        if self.without:
            excluded = listed(self.without)
            conditions[EXCLUDED] = lambda sample: not excluded(sample.file)
        if (score := self.min_face_score) is not None:
            conditions[f"face score above {score:g}"] = lambda sample: (
                sample.face_score is not None and sample.face_score > score
            )
        if (second := self.max_second_face_score) is None:
            conditions["no second face"] = lambda sample: sample.second_face_score is None
        elif second < inf:
            conditions[f"second face score below {second:g}"] = lambda sample: (
                sample.second_face_score is None or sample.second_face_score < second
            )
        if (youngest := self.min_age) is not None:
            conditions[f"age at least {youngest:g}"] = lambda sample: (
                sample.age is not None and sample.age >= youngest
            )
        if (oldest := self.max_age) is not None:
            conditions[f"age at most {oldest:g}"] = lambda sample: (
                sample.age is not None and sample.age <= oldest
            )
        if self.present:
            conditions["picture present"] = lambda sample: sample.file.is_file()
        return conditions


REFERENCE = Selection(min_face_score=3, max_second_face_score=None)
"""The selection with which oarriaga/face_classification was trained."""


class Selected:
    """The samples that meet a selection; ``removed`` counts others by first failed condition."""

    def __init__(self, samples: Iterable[Sample], selection: Selection) -> None:
        self._samples = iter(samples)
        self._conditions = selection.conditions()
        self.seen = 0
        self.removed = dict.fromkeys(self._conditions, 0)

    def __iter__(self) -> Iterator[Sample]:
        for sample in self._samples:
            self.seen += 1
            for name, holds in self._conditions.items():
                if not holds(sample):
                    self.removed[name] += 1
                    break
            else:
                yield sample


def listed(files: Iterable[str]) -> Callable[[Path], bool]:
    """A test whether a picture is in a list, which may be from another machine: by folder and file
    name, or by the whole path if the list has pictures in the same folder. Names are compared as
    result files have them: see ``storage.text``.
    """
    places = {text(place(Path(file))) for file in files}
    paths = {_resolved(Path(file)) for file in files}
    folders = {path.parent for path in paths}

    def holds(file: Path) -> bool:
        if text(place(file)) not in places:
            return False
        path = _resolved(file)
        return path in paths or path.parent not in folders

    return holds


def _resolved(file: Path) -> Path:
    return Path(text(str(file.parent.resolve() / file.name)))


def place(file: Path) -> str:
    """A picture's folder and file name, such as ``train/1.jpg``: the same on every machine."""
    return "/".join(file.parts[-2:])
