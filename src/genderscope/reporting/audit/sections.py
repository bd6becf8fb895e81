"""The sections of an audit on calibration, counterfactuals and regions of the face."""

from collections.abc import Iterator

from genderscope.core.extras import require
from genderscope.evaluation.audit.results import Audit, GroupResult
from genderscope.evaluation.counterfactuals import ConditionResult, Counterfactuals
from genderscope.evaluation.metrics import LEVEL, SMALLEST_N
from genderscope.evaluation.region_survey import ALL, RegionGroup, RegionShare, RegionSurvey
from genderscope.reporting import plots
from genderscope.reporting.audit import sentences
from genderscope.reporting.audit.groups import MOST_DRAWN, single
from genderscope.reporting.formatting import TOO_SMALL, change, percent, share
from genderscope.reporting.page import Block, Figure, Items, Section, Table


def calibration(audit: Audit) -> Iterator[Section]:
    """Confidence minus accuracy, and the calibration error, by group; needs scores."""
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
                "Dots are differences, lines their 95% intervals, uncorrected for multiple "
                "comparisons",
            ),
            Items(
                [
                    "A model is calibrated if 80% of the answers with a confidence of 80% are "
                    "right. Right of 0 it is overconfident, left of 0 underconfident.",
                    *(findings or ["The data do not show miscalibration of any group."]),
                    "The expected calibration error (ECE) is the mean distance between confidence "
                    "and accuracy over bins of the confidence. It is above 0 by chance alone: 95 "
                    "of 100 perfectly calibrated models would stay below the last column. It is "
                    f"withheld for groups of fewer than {audit.calibrated_n} pictures.",
                ]
            ),
            Table(
                ("group", "pictures", "confidence minus accuracy", "ECE", "ECE by chance"),
                list(map(_calibration_row, names, groups)),
                "Points, with 95% intervals (Student's t)",
            ),
        ],
    )


def _calibration_row(name: str, group: GroupResult) -> tuple[str, ...]:
    difference, error = group.measures["overconfidence"], group.calibration
    ece = (TOO_SMALL, "-")
    if error:
        ece = (f"{100 * error.ece:.1f}", f"{100 * error.ece_by_chance:.1f}")
    return name, f"{difference.n:,}", change(difference), *ece


def counterfactuals(results: Counterfactuals | None, sheet: bytes | None) -> Iterator[Section]:
    """How often the label changes when one condition of the picture changes."""
    if results is None:
        return
    blocks: list[Block] = [
        f"The same {results.n:,} faces with one condition changed at a time: how often "
        f"{results.model} then gives the other label. A model that relies on the face alone never "
        "would.",
        *_rates(results.conditions),
    ]
    if sheet:
        blocks.append(Figure(sheet, "Faces in the original picture and under every condition"))
    head = ("condition", "faces", "flip rate", "to man", "to woman", "confidence")
    caption = (
        "Percent, with 95% intervals; confidence is the mean change, in points, of the score of "
        "the original picture's label"
    )
    blocks.append(
        Table(head, [_condition_row(condition) for condition in results.conditions], caption)
    )
    columns = dict.fromkeys(c for condition in results.conditions for c in condition.by_group)
    blocks += [_by_group(results, column) for column in columns]
    provenance = results.provenance
    blocks.append(f"Made by: {provenance.command} (seed {provenance.seed})")
    yield Section("Counterfactual evaluation", blocks)


def _rates(conditions: tuple[ConditionResult, ...]) -> Iterator[Block]:
    """The flip rates, and sentences on the highest rate and on glasses."""
    rows = [
        (condition, rate.value, rate.interval)
        for condition in conditions
        if (rate := condition.flip_rate).value is not None and rate.interval
    ]
    if not rows:
        return
    measured, rates, intervals = zip(*rows, strict=True)
    names = [sentences.value(condition.name) for condition in measured]
    yield Figure(
        plots.ranges(names, rates, intervals, "flip rate"),
        "Flip rate by condition; the table below has the numbers",
        "Dots are flip rates, lines their 95% intervals",
    )
    yield Items(
        [
            _sentence(condition, rate)
            for condition, rate, _ in rows
            if rate == max(rates) or "glasses" in condition.name
        ]
    )


def _sentence(condition: ConditionResult, rate: float) -> str:
    sentence = (
        f"{sentences.value(condition.name).capitalize()}: a flip rate of "
        f"{percent(rate)}{sentences.interval(condition.flip_rate)}"
    )
    man, woman = (
        round(condition.flip_rate.n * (share or 0))
        for share in (condition.to_man, condition.to_woman)
    )
    binomtest = require("scipy.stats", "eval").binomtest
    if not man + woman or binomtest(man, man + woman).pvalue > 1 - LEVEL:
        return f"{sentence}."
    return f"{sentence}, mostly to {'man' if man > woman else 'woman'}."


def _condition_row(condition: ConditionResult) -> tuple[str, ...]:
    name, faces = sentences.value(condition.name), f"{condition.flip_rate.n:,}"
    if condition.flip_rate.value is None:
        return name, faces, TOO_SMALL, "-", "-", "-"
    ends = (percent(condition.to_man or 0), percent(condition.to_woman or 0))
    return name, faces, share(condition.flip_rate), *ends, change(condition.confidence_change)


def _by_group(results: Counterfactuals, column: str) -> Table:
    by_condition = {result.name: result.by_group.get(column, {}) for result in results.conditions}
    groups = dict.fromkeys(group for rates in by_condition.values() for group in rates)
    head = (f"flip rate by {sentences.value(column)}", *map(sentences.value, groups))
    rows = []
    for name, rates in by_condition.items():
        cells = (share(rates[group]) if group in rates else TOO_SMALL for group in groups)
        rows.append((sentences.value(name), *cells))
    return Table(head, rows, "Percent of each group's faces, with 95% intervals")


def regions(survey: RegionSurvey | None) -> Iterator[Section]:
    """The share of the guided gradients' energy by region of the face."""
    if survey is None:
        return
    overall, *others = survey.groups
    groups = [overall, *_visible(others)]
    rows = []
    for region, part in overall.regions.items():
        area = "-" if part.area is None else f"{100 * part.area:.1f}"
        rows.append((region, area, *(share(group.regions[region].share) for group in groups)))
    head = ("region", "area", *map(_heading, groups))
    blocks: list[Block] = [
        f"Which parts of the face the answers of {survey.model} depend on, over {survey.n:,} "
        "faces: each region's share of the energy of the guided gradients, and its share of the "
        "area, which a uniform map would have.",
        *_overall(overall.regions),
        Table(head, rows, "Percent of the energy, with 95% intervals"),
        f"Made by: {survey.provenance.command} (seed {survey.provenance.seed})",
    ]
    yield Section("Regions of the face", blocks)


def _visible(groups: list[RegionGroup]) -> list[RegionGroup]:
    """Right and wrong answers by label, and each column's groups of most and fewest errors."""
    large = [group for group in groups if group.n >= SMALLEST_N]
    visible = [g for g in large if g.label in sentences.PLURAL and g.answers != ALL]
    for column in dict.fromkeys(group.column for group in groups if group.column):
        members = [group for group in large if group.column == column]
        members.sort(key=lambda group: -(group.error or 0))
        visible += [members[0], members[-1]] if len(members) > 1 else members
    return visible


def _overall(regions: dict[str, RegionShare]) -> Iterator[Block]:
    """A figure of all regions, and a sentence on the one with the most energy for its area."""
    rows = [
        (region, part.share.value, part.share.interval, part.area)
        for region, part in regions.items()
        if part.share.value is not None and part.share.interval and part.area is not None
    ]
    if not rows:
        return
    names, values, intervals, _ = zip(*rows, strict=True)
    yield Figure(
        plots.ranges(names, values, intervals, "share of the energy"),
        "Share of the energy by region; the table below has the numbers",
        "Dots are shares, lines their 95% intervals",
    )
    name, value, _, area = max(rows, key=lambda row: row[1] / max(row[3], 1e-6))
    yield (
        f"Most energy for its area: {name}, with {percent(value)}"
        f"{sentences.interval(regions[name].share)} of the energy in {percent(area)} of the area."
    )


def _heading(group: RegionGroup) -> str:
    """A column's heading, such as ``women, wrong (n = 311)``."""
    if group.column and group.group is not None:
        faces = sentences.people({group.column: group.group})
        return f"{faces}, {percent(group.error or 0)} wrong (n = {group.n:,})"
    answers = "" if group.answers == ALL else f", {group.answers}"
    return f"{sentences.PLURAL.get(group.label, 'everybody')}{answers} (n = {group.n:,})"
