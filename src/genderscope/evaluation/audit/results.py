"""The results of an audit: ``audit.json``, from which its page and its Markdown are made."""

from typing import Literal

from genderscope.core.html import table
from genderscope.core.results import Document, Estimate, Interval, Record
from genderscope.evaluation.counterfactuals import Counterfactuals
from genderscope.evaluation.metrics.groups import NOT_STATED
from genderscope.evaluation.region_survey import RegionSurvey

Group = dict[str, str]  # a group's value of each column that divides the pictures
Verdict = Literal["more", "fewer", "inconclusive"]
"""Whether a group has more or fewer errors than all others."""
HalfOpen = tuple[float, float | None]  # an interval; an infinite upper end is None


class Calibration(Record, frozen=True, kw_only=True):
    """The calibration of a group's ``n`` scored pictures: mean confidence, accuracy, and expected
    calibration error, as in ``metrics.calibration``; ``ece_by_chance`` is the 95th percentile of
    that error for calibrated models with these confidences (Bröcker and Smith 2007).
    """

    n: int
    confidence: float
    accuracy: float
    ece: float
    ece_by_chance: float


class Comparison(Record, frozen=True, kw_only=True):
    """One measure of a group against that of all other groups together; the ratio is None where
    ``others`` is 0. ``p`` tests for no difference, ``p_holm`` is adjusted for all comparisons of
    the audit in this measure; ``inconclusive`` does not mean no difference.
    """

    others: float
    difference: float
    difference_interval: Interval
    ratio: float | None
    ratio_interval: HalfOpen
    p: float
    p_holm: float
    verdict: Verdict


class GroupResult(Record, frozen=True, kw_only=True):
    """One group: ``size`` by its pictures, or by its persons where these are known and fewer;
    pictures by label and by answer. For the measures see ``disaggregate.outcomes``; they are None
    below ``Audit.smallest_n``, calibration below ``Audit.calibrated_n``. Comparisons are by
    measure, where possible; of two groups, only the one with the larger value has one.
    """

    group: Group
    n: int
    persons: int | None
    size: Literal["too small", "few", "enough"]
    labels: dict[str, int]
    answers: dict[str, int]
    measures: dict[str, Estimate]
    calibration: Calibration | None
    comparisons: dict[str, Comparison]


class Extreme(Record, frozen=True, kw_only=True):
    """The group at one end of a measure."""

    group: Group
    value: float


class Extremes(Record, frozen=True, kw_only=True):
    """The groups with the largest and the smallest value, and how far apart they are."""

    most: Extreme
    least: Extreme
    difference: float
    difference_interval: Interval
    ratio: float | None
    ratio_interval: HalfOpen


class DivisionResult(Record, frozen=True, kw_only=True):
    """Pictures divided by columns; ``extremes`` by measure, None below two groups with a value."""

    columns: tuple[str, ...]
    groups: tuple[GroupResult, ...]
    extremes: dict[str, Extremes | None]


class Audit(Document, frozen=True, kw_only=True):
    """An audit by group and by crossed groups: ``genderscope audit``.

    ``name`` is the model's or method's; data set, split and detector are None where predictions
    were read from a table. ``n`` counts labelled pictures; of these, ``no_answer`` and
    ``uncertain_without_score`` count as errors, and calibration leaves out those ``without_score``.
    ``persons`` is None where unknown. A group of fewer than ``smallest_n`` has no measures, of
    fewer than ``few_n`` is marked, and of fewer than ``calibrated_n`` has no calibration error.
    ``level`` is that of the intervals; up to ``depth`` of the columns ``by`` are crossed.
    """

    KIND = "audit"

    name: str
    dataset: str | None = None
    split: str | None = None
    detector: str | None = None
    n: int
    unlabelled: int
    no_answer: int
    uncertain_without_score: int
    without_score: int
    persons: int | None
    level: float
    smallest_n: int
    few_n: int
    calibrated_n: int
    by: tuple[str, ...]
    depth: int
    overall: GroupResult
    divisions: tuple[DivisionResult, ...]
    counterfactuals: Counterfactuals | None = None
    regions: RegionSurvey | None = None

    def _repr_html_(self) -> str:
        groups = [self.overall, *(group for part in self.divisions for group in part.groups)]
        rows = (
            (
                ", ".join(
                    f"{column} {value or NOT_STATED}" for column, value in group.group.items()
                )
                or "all",
                group.n,
                *(group.measures[name] for name in ("error", "uncertain")),
                group.comparisons["error"].verdict if "error" in group.comparisons else "",
            )
            for group in groups
        )
        head = ("group", "pictures", "error", "uncertain", "errors against all others")
        return table(f"{self.name}: errors by group, {self.level:.0%} intervals", head, rows)
