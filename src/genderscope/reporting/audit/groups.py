"""The sections of an audit by group: figures, sentences and tables."""

from collections.abc import Iterator, Mapping, Sequence

from genderscope.evaluation.audit import GENDER
from genderscope.evaluation.audit.results import Audit, DivisionResult, GroupResult
from genderscope.reporting import plots
from genderscope.reporting.audit import sentences
from genderscope.reporting.audit.sentences import name
from genderscope.reporting.formatting import percent, points, share, times, with_interval
from genderscope.reporting.page import Block, Figure, Items, Table

MOST_DRAWN = 24
MOST_ROWS = 30
RATES = {key: key.replace("_", " ") for key in ("error", "missed", "uncertain", "answered_error")}
RECALLS = {"recall_woman": "recall of women", "recall_man": "recall of men"}
VERDICTS = {"more": "more\u00a0errors", "fewer": "fewer\u00a0errors"}
COMPARED = ("error", "others", "difference", "ratio", "p", "verdict")
Rows = Sequence[tuple[str, GroupResult]]


def single(audit: Audit) -> Rows:
    """The groups of each single column, with their names."""
    return [
        (f"{sentences.title(division.columns)}: {name(group.group)}", group)
        for division in audit.divisions
        if len(division.columns) == 1
        for group in division.groups
    ]


def division_blocks(division: DivisionResult, audit: Audit) -> Iterator[Block]:
    """The blocks of one division; of many groups, only the extreme error rates are drawn."""
    crossed = len(division.columns) > 1
    visible = [group for group in division.groups if group.measures["missed"].value is not None]
    if crossed:
        visible.sort(key=lambda group: -(group.measures["error"].value or 0))
    drawn = visible
    if len(visible) > MOST_DRAWN:
        drawn = visible[: MOST_DRAWN * 2 // 3] + visible[-MOST_DRAWN // 3 :]
    if drawn:
        yield _answers(drawn)
    yield from error_rates([(name(group.group), group) for group in drawn], audit, len(visible))
    yield Items(list(sentences.findings(division, audit)))
    title = sentences.title(division.columns)
    if not crossed:
        yield _measures(title, division.groups, audit, RATES)
        if division.columns != (GENDER,):
            yield _measures(title, division.groups, audit, RECALLS)
    elif visible:
        yield _measures(title, visible, audit, RATES)
    yield from _comparisons(division)


def _answers(groups: Sequence[GroupResult]) -> Figure:
    """The answers to 100 pictures of each group, as stacked bars."""
    rows = []
    for group in groups:
        undecided = (group.answers["uncertain"] + group.answers["no answer"]) / group.n
        missed = group.measures["missed"].value or 0
        rows.append((1 - missed, undecided, max(missed - undecided, 0)))
    parts = ("their label", "no label", "the other label")
    series = dict(zip(parts, zip(*rows, strict=True), strict=True))
    return Figure(
        plots.parts([name(group.group) for group in groups], series),
        "Answers to 100 pictures of each group; the table below has the numbers",
        "Of 100 pictures of each group: how many get their label, no label, or the other label",
    )


def error_rates(rows: Rows, audit: Audit, total: int = 0) -> Iterator[Figure]:
    """Error rates of groups with intervals, those of a selection if ``total`` is larger."""
    visible = [
        (text, error.value, error.interval, group.size == "few")
        for text, group in rows
        if (error := group.measures["error"]).value is not None and error.interval
    ]
    if not visible:
        return
    names, values, intervals, few = zip(*visible, strict=True)
    caption = "Dots are error rates, lines their 95% intervals, the dashed line is the overall rate"
    if any(few):
        caption += f"; rings mark groups of fewer than {audit.few_n} {sentences.unit(audit)}"
    if total > len(visible):
        caption += f"; {len(visible)} of {total} groups, those with the highest and lowest rates"
    reference = audit.overall.measures["error"].value
    across = "error rate without abstention"
    yield Figure(
        plots.ranges(names, values, intervals, across, hollow=few, reference=reference),
        f"{across.capitalize()} by group, with intervals; the table below has the numbers",
        caption,
    )


def _measures(
    title: str, groups: Sequence[GroupResult], audit: Audit, measures: Mapping[str, str]
) -> Table:
    persons = ["persons"] if audit.persons is not None else []
    rows = []
    for group in groups[:MOST_ROWS]:
        mark = "*" if group.size == "few" else ""
        count = [f"{group.persons:,}"] if persons else []
        cells = [share(group.measures[key]) for key in measures]
        rows.append((name(group.group), f"{group.n:,}{mark}", *count, *cells))
    caption = f"Percent, with 95% intervals. * fewer than {audit.few_n} {sentences.unit(audit)}"
    head = (title, "pictures", *persons, *measures.values())
    return Table(head, rows, caption + _first(len(groups)))


def _comparisons(division: DivisionResult) -> Iterator[Table]:
    compared = [(g, c) for g in division.groups if (c := g.comparisons.get("error"))]
    if not compared:
        return
    if len(division.columns) > 1:
        compared.sort(key=lambda row: row[1].p_holm)
    caption = (
        "Error rate of each group compared with that of all other groups together: the difference "
        "in points, the ratio, and p adjusted for all comparisons (Holm)"
    )
    rows = [
        (
            name(group.group),
            percent(group.measures["error"].value or 0),
            percent(comparison.others),
            with_interval(points(comparison.difference), comparison.difference_interval),
            times(comparison.ratio, comparison.ratio_interval),
            "<0.0001" if comparison.p_holm < 1e-4 else f"{comparison.p_holm:.4f}",
            VERDICTS.get(comparison.verdict, comparison.verdict),
        )
        for group, comparison in compared[:MOST_ROWS]
    ]
    head = (sentences.title(division.columns), *COMPARED)
    yield Table(head, rows, caption + _first(len(compared)))


def _first(rows: int) -> str:
    return f". The first {MOST_ROWS} of {rows:,}; audit.json has all" if rows > MOST_ROWS else ""
