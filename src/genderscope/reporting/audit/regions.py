"""The section of an audit on what the model looks at."""

from collections.abc import Iterator

from genderscope.evaluation.metrics import SMALLEST_N
from genderscope.evaluation.region_survey import ALL, RegionGroup, RegionShare, RegionSurvey
from genderscope.reporting.audit import plots, sentences
from genderscope.reporting.formatting import percent, share
from genderscope.reporting.page import Block, Figure, Section, Table


def regions(survey: RegionSurvey | None) -> Iterator[Section]:
    """The shares of the guided gradients' energy by region of the face."""
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
        f"Where on the face the answers of {survey.model} come from, over {survey.n:,} faces: each "
        "region's share of the energy of the guided gradients, beside its share of the area, which "
        "an even map would have.",
        *_overall(overall.regions),
        Table(head, rows, "Percent of the energy, with 95% intervals"),
        f"Made by: {survey.provenance.command} (seed {survey.provenance.seed})",
    ]
    yield Section("Regions of the face", blocks)


def _visible(groups: list[RegionGroup]) -> list[RegionGroup]:
    """Right and wrong answers by label, and of each column the highest and lowest error rates."""
    large = [group for group in groups if group.n >= SMALLEST_N]
    visible = [g for g in large if g.label in sentences.PLURAL and g.answers != ALL]
    for column in dict.fromkeys(group.column for group in groups if group.column):
        members = [group for group in large if group.column == column]
        members.sort(key=lambda group: -(group.error or 0))
        visible += [members[0], members[-1]] if len(members) > 1 else members
    return visible


def _overall(parts: dict[str, RegionShare]) -> Iterator[Block]:
    """A figure of all regions, and a sentence on the one with most energy for its area."""
    rows = [
        (region, part.share.value, part.share.interval, part.area)
        for region, part in parts.items()
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
        f"{sentences.interval(parts[name].share)} of the energy in {percent(area)} of the area."
    )


def _heading(group: RegionGroup) -> str:
    """The faces of a column, such as ``women, wrong (n = 311)``."""
    if group.column and group.group is not None:
        faces = sentences.people({group.column: group.group})
        return f"{faces}, {percent(group.error or 0)} wrong (n = {group.n:,})"
    answers = "" if group.answers == ALL else f", {group.answers}"
    return f"{sentences.PLURAL.get(group.label, 'everybody')}{answers} (n = {group.n:,})"
