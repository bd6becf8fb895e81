"""The section of an audit on confidence and accuracy."""

from collections.abc import Iterator

from genderscope.evaluation.audit.results import Audit, GroupResult
from genderscope.reporting.audit import plots, sentences
from genderscope.reporting.audit.groups import MOST_DRAWN, single
from genderscope.reporting.formatting import TOO_SMALL, change
from genderscope.reporting.page import Figure, Items, Section, Table


def calibration(audit: Audit) -> Iterator[Section]:
    """Confidence minus accuracy and the calibration error by group, where there are scores."""
    rows = [
        (text, group, difference.value, difference.interval)
        for text, group in [("everybody", audit.overall), *single(audit)]
        if (difference := group.measures["overconfidence"]).n >= audit.few_n
        and difference.value is not None
        and difference.interval
    ][: MOST_DRAWN * 2]
    if not rows:
        return
    names, groups, values, intervals = zip(*rows, strict=True)
    over = [name for name, (low, _) in zip(names, intervals, strict=True) if low > 0]
    under = [name for name, (_, high) in zip(names, intervals, strict=True) if high < 0]
    findings = [
        f"{word}: {sentences.listed(members)}."
        for word, members in (("Overconfident", over), ("Underconfident", under))
        if members
    ]
    across = "mean confidence minus accuracy, points"
    yield Section(
        "Confidence and accuracy",
        [
            Figure(
                plots.ranges(names, values, intervals, across, reference=0),
                "Mean confidence minus accuracy by group; the table below has the numbers",
                "Dots are differences, lines their 95% intervals, not corrected for multiple "
                "comparisons",
            ),
            Items(
                [
                    "A model is calibrated if 80% of the answers with a confidence of 80% are "
                    "right. Right of 0 it is overconfident, left of 0 underconfident.",
                    *(findings or ["The data do not show miscalibration of any group."]),
                    "The expected calibration error (ECE) is the mean distance between confidence "
                    "and accuracy over bins of the confidence. It is above 0 by chance alone: the "
                    "last column is what 95 of 100 perfectly calibrated models would stay below. "
                    f"Groups of fewer than {audit.calibrated_n} pictures have none.",
                ]
            ),
            Table(
                ("group", "pictures", "confidence minus accuracy", "ECE", "ECE by chance"),
                [_row(name, group) for name, group in zip(names, groups, strict=True)],
                "Points, with 95% intervals (Student's t)",
            ),
        ],
    )


def _row(name: str, group: GroupResult) -> tuple[str, ...]:
    difference, error = group.measures["overconfidence"], group.calibration
    ece = (f"{100 * error.ece:.1f}", f"{100 * error.ece_by_chance:.1f}") if error else None
    return name, f"{difference.n:,}", change(difference), *(ece or (TOO_SMALL, "-"))
