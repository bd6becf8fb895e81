"""One way to divide the pictures, as a section of an audit: drawings, sentences, tables."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from genderscope.evaluation.audit import GENDER
from genderscope.reporting.audit import plots, sentences
from genderscope.reporting.audit.sentences import cell, name, percent, points
from genderscope.reporting.page import Block, Figure, Items, Table

MOST_DRAWN = 24
MOST_ROWS = 30
RATES = {
    "error": "error",
    "missed": "missed",
    "uncertain": "uncertain",
    "answered_error": "answered error",
}
RECALLS = {"recall_woman": "recall of women", "recall_man": "recall of men"}
VERDICTS = {"more": "more\u00a0errors", "less": "fewer\u00a0errors", "not shown": "not\u00a0shown"}


def divided(division: Mapping[str, Any], numbers: Mapping[str, Any]) -> Iterator[Block]:
    """All that is shown of one division; of many groups, those of the most and fewest errors."""
    groups = division["groups"]
    shown = [group for group in groups if group["measures"]["missed"]["value"] is not None]
    if len(division["columns"]) > 1:
        shown.sort(key=lambda group: -group["measures"]["error"]["value"])
    drawn = shown
    if len(shown) > MOST_DRAWN:
        drawn = shown[: MOST_DRAWN * 2 // 3] + shown[-MOST_DRAWN // 3 :]
    if drawn:
        yield _parts(drawn)
    rows = [(name(group["group"]), group) for group in drawn]
    yield from ranges(rows, "error", "wrong when made to choose", numbers, len(shown))
    yield Items(list(sentences.findings(division, numbers)))
    if len(division["columns"]) == 1:
        yield _measures(division["columns"], groups, numbers, RATES)
        if division["columns"] != [GENDER]:
            yield _measures(division["columns"], groups, numbers, RECALLS)
    elif shown:
        yield _measures(division["columns"], shown, numbers, RATES)
    yield from _comparisons(division["columns"], numbers)


def _parts(groups: Sequence[Mapping[str, Any]]) -> Figure:
    """What was said of 100 pictures of each group."""
    series: dict[str, list[float]] = {"called as labelled": [], "undecided": [], "other label": []}
    for group in groups:
        measures, n = group["measures"], group["n"]
        undecided = (group["said"]["uncertain"] + group["said"]["no answer"]) / n
        missed = measures["missed"]["value"]
        series["called as labelled"].append(1 - missed)
        series["undecided"].append(undecided)
        series["other label"].append(max(missed - undecided, 0))
    names = [name(group["group"]) for group in groups]
    return Figure(
        plots.parts(names, series),
        "What was said of 100 pictures of each group; the table below has the numbers",
        "Of 100 pictures of each group: how many are called what they are labelled, left "
        "undecided, or given the other label",
    )


def ranges(
    rows: Sequence[tuple[str, Mapping[str, Any]]],
    measure: str,
    across: str,
    numbers: Mapping[str, Any],
    of: int | None = None,
) -> Iterator[Figure]:
    """Shares of groups with their intervals, the overall one as a dashed line."""
    shown = [row for row in rows if row[1]["measures"][measure]["value"] is not None]
    if not shown:
        return
    found = [group["measures"][measure] for _, group in shown]
    caption = "Dots are shares, lines their 95% intervals, the dashed line is everybody's share"
    few = [measured["n"] < numbers["few_n"] for measured in found]
    if any(few):
        caption += f"; rings are of fewer than {numbers['few_n']} pictures"
    if of and of > len(shown):
        caption += f"; {len(shown)} of {of} groups, those of the most and the fewest errors"
    yield Figure(
        plots.ranges(
            [text for text, _ in shown],
            [measured["value"] for measured in found],
            [measured["interval"] for measured in found],
            across,
            hollow=few,
            reference=numbers["overall"]["measures"][measure]["value"],
        ),
        f"{across} by group, with intervals; the table below has the numbers",
        caption,
    )


def _measures(
    columns: Sequence[str],
    groups: Sequence[Mapping[str, Any]],
    numbers: Mapping[str, Any],
    shown: Mapping[str, str],
) -> Table:
    persons = ["persons"] if numbers["persons"] is not None else []
    rows = []
    for group in groups[:MOST_ROWS]:
        mark = "*" if group["size"] == "few" else ""
        cells = [_cell(group["measures"][key]) for key in shown]
        count = [f"{group['persons']:,}"] if persons else []
        rows.append((name(group["group"]), f"{group['n']:,}{mark}", *count, *cells))
    caption = f"Percent, with 95% intervals. * fewer than {numbers['few_n']} pictures"
    if len(groups) > MOST_ROWS:
        caption += f". The first {MOST_ROWS} of {len(groups):,}; audit.json has all"
    head = (sentences.title(columns), "pictures", *persons, *shown.values())
    return Table(head, rows, caption)


def _cell(measured: Mapping[str, Any]) -> str:
    if measured["value"] is None:
        return "n too small" if measured["n"] else "-"
    return cell(f"{100 * measured['value']:.1f}", measured["interval"])


def _comparisons(columns: Sequence[str], numbers: Mapping[str, Any]) -> Iterator[Table]:
    rows = [
        row
        for row in numbers["comparisons"]
        if row["columns"] == list(columns) and row["measure"] == "error"
    ]
    if not rows:
        return
    if len(columns) > 1:
        rows.sort(key=lambda row: row["p_holm"])
    caption = (
        "Errors of each group against all others together: the difference in points, the ratio, "
        "and p adjusted for all comparisons (Holm)"
    )
    if len(rows) > MOST_ROWS:
        caption += f". The first {MOST_ROWS} of {len(rows):,}; audit.json has all"
    yield Table(
        (sentences.title(columns), "error", "of all others", "difference", "ratio", "p", "verdict"),
        [
            (
                name(row["group"]),
                percent(row["value"]),
                percent(row["others"]),
                cell(points(row["difference"]), row["difference_interval"]),
                sentences.times(row["ratio"], row["ratio_interval"], ""),
                "<0.0001" if row["p_holm"] < 1e-4 else f"{row['p_holm']:.4f}",
                VERDICTS[row["verdict"]],
            )
            for row in rows[:MOST_ROWS]
        ],
        caption,
    )
