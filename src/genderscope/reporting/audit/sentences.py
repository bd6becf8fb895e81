"""An audit's numbers as sentences that claim no more than the intervals allow."""

from collections.abc import Iterator, Sequence

from genderscope.core.results import Estimate
from genderscope.core.terminal import printable
from genderscope.evaluation.audit import GENDER
from genderscope.evaluation.audit.results import Audit, DivisionResult, Extremes, Group, GroupResult
from genderscope.reporting.formatting import NOT_STATED, between, percent, shortened, times

PLURAL = {"woman": "women", "man": "men"}
MOST_NAMES = 8


def value(text: str) -> str:
    """A group's value as one printable line, truncated."""
    line = printable(text).replace("_", " ").strip() or NOT_STATED
    return shortened(line)


def name(group: Group) -> str:
    """``Black, woman``: for tables and plots."""
    return ", ".join(map(value, group.values())) or "everybody"


def people(group: Group) -> str:
    """``Black women aged 20-29``: for sentences."""
    noun, before, after = PLURAL.get(group.get(GENDER, ""), "faces"), "", ""
    for column, text in group.items():
        shown = value(text)
        if column == "race" and shown[:5].lower() not in ("other", NOT_STATED[:5]):
            before = f"{shown} "
        elif column == "age" and shown != NOT_STATED:
            after += f" aged {shown}"
        elif column != GENDER:
            after += f" with {value(column)} {shown}"
    return f"{before}{noun}{after}"


def title(columns: Sequence[str]) -> str:
    """``race and age``."""
    *first, last = map(value, columns)
    return f"{', '.join(first)} and {last}" if first else last


def listed(names: Sequence[str]) -> str:
    rest = len(names) - MOST_NAMES
    return "; ".join(names[:MOST_NAMES]) + (f"; and {rest:,} more" if rest > 0 else "")


def interval(estimate: Estimate) -> str:
    """The interval in percent, in brackets."""
    return f" ({between(estimate.interval)})" if estimate.interval else ""


def of_100(group: GroupResult) -> str:
    """How many of 100 are missed: ``of 100 Black women, about 23 (18 to 28)``."""
    missed = group.measures["missed"]
    low, high = map(_hundredths, missed.interval or ())
    about = f"about {_hundredths(missed.value)}" if missed.value else "none"
    return f"of 100 {people(group.group)}, {about} ({low} to {high})"


def _hundredths(share: float) -> str:
    """How many of 100: a whole number, or below 1 one significant digit."""
    count = 100 * share
    return f"{count:.0f}" if count >= 1 else f"{count:.1g}"


def unit(audit: Audit) -> str:
    """The unit of a group's size."""
    return "pictures" if audit.persons is None else "persons"


def overall(audit: Audit) -> Iterator[str]:
    """The errors over all pictures."""
    measures = audit.overall.measures
    error, missed = measures["error"], measures["missed"]
    if error.value is None or missed.value is None:
        yield f"{audit.n:,} labelled pictures: n too small for any rate."
        return
    yield (
        f"Without abstention, {percent(error.value)}{interval(error)} of the {error.n:,} labelled "
        "pictures get the wrong label."
    )
    answered, uncertain = measures["answered_error"].value, measures["uncertain"].value
    if uncertain:
        wrong = (
            "" if answered is None else f"; of those given a label, {percent(answered)} are wrong"
        )
        yield (
            f"With abstention, {percent(uncertain)} are uncertain{wrong}. Together, "
            f"{percent(missed.value)} do not get their label."
        )


def findings(division: DivisionResult, audit: Audit) -> Iterator[str]:
    """What a division of the pictures into groups shows."""
    missed, error = division.extremes["missed"], division.extremes["error"]
    if missed is None or error is None:
        yield (
            f"Fewer than two groups have the {audit.smallest_n} {unit(audit)} that a rate needs, "
            "so there is nothing to compare."
        )
    else:
        groups = {tuple(group.group.values()): group for group in division.groups}
        most, least = (groups[tuple(end.group.values())] for end in (missed.most, missed.least))
        yield _missed(most, least, missed, audit)
        yield _error(error)
        yield from _verdicts(division, audit)
    few = [name(group.group) for group in division.groups if group.size == "few"]
    if few:
        yield f"Imprecise, with fewer than {audit.few_n} {unit(audit)}: {listed(few)}."
    small = [group for group in division.groups if group.size == "too small"]
    if small:
        names = listed([name(group.group) for group in small])
        pictures = sum(group.n for group in small)
        yield f"Withheld, n too small: {names} ({pictures:,} pictures together)."


def _missed(most: GroupResult, least: GroupResult, extremes: Extremes, audit: Audit) -> str:
    """The groups that are missed most and least, out of 100 people."""
    first = of_100(most)
    undecided = audit.overall.answers["uncertain"] or audit.no_answer
    outcome = "get the other label" + (" or none" if undecided else "")
    sentence = f"{first[0].upper()}{first[1:]} {outcome}; {of_100(least)}."
    low, high = extremes.difference_interval
    if low <= 0:
        return f"{sentence} The data do not show a difference between the two."
    difference = f"The difference is between {_hundredths(low)} and {_hundredths(high)} of 100"
    compared = [end.comparisons["missed"] for end in (most, least) if "missed" in end.comparisons]
    if compared and all(comparison.verdict == "inconclusive" for comparison in compared):
        difference += f", but it is {_not_significant(audit, 'missed')}"
    return f"{sentence} {difference}."


def _not_significant(audit: Audit, measure: str) -> str:
    """Why an interval may exclude zero although the verdict is inconclusive."""
    number = sum(measure in group.comparisons for part in audit.divisions for group in part.groups)
    return (
        f"not significant after correction for {number:,} comparisons, some of whose intervals "
        "exclude zero by chance"
    )


def _error(extremes: Extremes) -> str:
    """The groups with the highest and the lowest error rate."""
    most, least = extremes.most, extremes.least
    sentence = (
        f"Without abstention, the error rate is highest for {people(most.group)} "
        f"({percent(most.value)}) and lowest for {people(least.group)} ({percent(least.value)})"
    )
    low, high = extremes.difference_interval
    if low <= 0:
        return f"{sentence}; the data do not show a difference (at most {100 * high:.1f} points)."
    return (
        f"{sentence}: a difference of {100 * extremes.difference:.1f} ({between((low, high))}) "
        f"points and a ratio of {times(extremes.ratio, extremes.ratio_interval)}."
    )


def _verdicts(division: DivisionResult, audit: Audit) -> Iterator[str]:
    """Which groups differ from all others, and which intervals exclude zero without a verdict."""
    uncorrected: list[str] = []
    names: dict[str, list[str]] = {"more": [], "fewer": [], "inconclusive": []}
    for group in division.groups:
        error, comparison = group.measures["error"].value, group.comparisons.get("error")
        if comparison is None or error is None:
            continue
        rates = f" ({percent(error)} against {percent(comparison.others)})"
        inconclusive = comparison.verdict == "inconclusive"
        names[comparison.verdict].append(f"{name(group.group)}{'' if inconclusive else rates}")
        low, high = comparison.difference_interval
        if inconclusive and not low <= 0 <= high:
            uncorrected.append(name(group.group))
    for verdict in ("more", "fewer"):
        if names[verdict]:
            yield (
                f"Significantly {verdict} errors than all other groups together: "
                f"{listed(names[verdict])}."
            )
    if names["inconclusive"] and len(division.groups) > 2:
        yield (
            "Not significantly different from all other groups, which does not rule out a "
            f"difference: {listed(names['inconclusive'])}."
        )
    if uncorrected:
        yield (
            f"The interval of the difference excludes zero for {listed(uncorrected)}, but it is "
            f"{_not_significant(audit, 'error')}."
        )


def headline(division: DivisionResult, audit: Audit) -> str:
    """The first finding of a division, with its columns."""
    first = next(findings(division, audit))
    return f"By {title(division.columns)}: {first[0].lower()}{first[1:]}"


def notes(audit: Audit) -> Iterator[str]:
    """Which pictures are not counted, or count as errors."""
    without_score = "are uncertain, have no score to force a label, and count as errors"
    for n, text in (
        (audit.unlabelled, "have no label and are not counted"),
        (audit.no_answer, "have no answer and count as errors"),
        (audit.uncertain_without_score, without_score),
        (audit.without_score, "have no score and are left out of calibration"),
    ):
        if n:
            yield f"Pictures that {text}: {n:,}."
