"""The section of an audit on flip rates."""

from collections.abc import Iterator

from genderscope.evaluation.counterfactuals import ConditionResult, Counterfactuals
from genderscope.reporting.audit import plots, sentences
from genderscope.reporting.formatting import TOO_SMALL, change, percent, share
from genderscope.reporting.page import Block, Figure, Items, Section, Table


def counterfactuals(results: Counterfactuals | None, sheet: bytes | None) -> Iterator[Section]:
    """How often the label changes when one condition of the picture does."""
    if results is None:
        return
    blocks: list[Block] = [
        f"The same {results.n:,} faces with one condition changed at a time: how often "
        f"{results.model} then gives the other label. A model that relies on the face alone would "
        "not.",
        *_rates(results.conditions),
    ]
    if sheet:
        blocks.append(Figure(sheet, "Faces in the original picture and in every condition"))
    head = ("condition", "faces", "flip rate", "to man", "to woman", "confidence")
    caption = (
        "Percent, with 95% intervals; confidence is the mean change, in points, of the score of "
        "the original picture's label"
    )
    blocks.append(Table(head, [_row(condition) for condition in results.conditions], caption))
    columns = dict.fromkeys(c for condition in results.conditions for c in condition.by_group)
    blocks += [_by_group(results, column) for column in columns]
    provenance = results.provenance
    blocks.append(f"Made by: {provenance.command} (seed {provenance.seed})")
    yield Section("Counterfactual evaluation", blocks)


def _rates(conditions: tuple[ConditionResult, ...]) -> Iterator[Block]:
    """The flip rates, and sentences about the highest and those of glasses."""
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
    told = [row for row in rows if row[1] == max(rates) or "glasses" in row[0].name]
    yield Items([_sentence(condition, rate) for condition, rate, _ in told])


def _sentence(condition: ConditionResult, rate: float) -> str:
    sentence = (
        f"{sentences.value(condition.name).capitalize()}: a flip rate of "
        f"{percent(rate)}{sentences.interval(condition.flip_rate)}"
    )
    man, woman = condition.to_man or 0, condition.to_woman or 0
    if man == woman:
        return f"{sentence}."
    return f"{sentence}, mostly to {'man' if man > woman else 'woman'}."


def _row(condition: ConditionResult) -> tuple[str, ...]:
    name, faces = sentences.value(condition.name), f"{condition.flip_rate.n:,}"
    if condition.flip_rate.value is None:
        return name, faces, TOO_SMALL, "-", "-", "-"
    ends = (percent(condition.to_man or 0), percent(condition.to_woman or 0))
    return name, faces, share(condition.flip_rate), *ends, change(condition.confidence_change)


def _by_group(results: Counterfactuals, column: str) -> Table:
    by_group = {one.name: one.by_group.get(column, {}) for one in results.conditions}
    groups = dict.fromkeys(group for rates in by_group.values() for group in rates)
    head = (f"flip rate by {sentences.value(column)}", *map(sentences.value, groups))
    rows = []
    for name, rates in by_group.items():
        cells = (share(rates[group]) if group in rates else TOO_SMALL for group in groups)
        rows.append((sentences.value(name), *cells))
    return Table(head, rows, "Percent of each group's faces, with 95% intervals")
