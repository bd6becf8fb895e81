"""Results as tables for the terminal."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from rich.table import Table

from genderscope.core.results import Estimate, Interval
from genderscope.core.terminal import printable
from genderscope.core.types import LABELS
from genderscope.reporting.formatting import NOT_STATED, TOO_SMALL

if TYPE_CHECKING:
    from genderscope.evaluation.compare import Accuracies, Comparison
    from genderscope.evaluation.counterfactuals import Counterfactuals
    from genderscope.evaluation.evaluate import Evaluation
    from genderscope.evaluation.face_sizes import FaceSizes
    from genderscope.evaluation.metrics.calibration import RiskCoverage
    from genderscope.evaluation.metrics.groups import Group
    from genderscope.evaluation.metrics.paired import Agreement
    from genderscope.evaluation.region_survey import RegionGroup, RegionShare
    from genderscope.reporting import page

RATES = (
    *("accuracy", "balanced_accuracy", "recall_gap", "macro_precision", "macro_f1"),
    *("recall", "precision", "f1"),
)
TRIVIAL = ("always_woman", "always_man", "prior_random")
G = TypeVar("G")


def evaluation(result: "Evaluation") -> Iterator[Table]:
    """All tables of an evaluation."""
    yield measures(result)
    yield coverages(result.risk_coverage)
    if result.by_group:
        yield groups(result.by_group)
        yield abstention(result.by_group)
    if result.face_size:
        yield face_sizes(result.face_size)


def measures(result: "Evaluation") -> Table:
    """The model compared with three trivial classifiers, which ignore the picture."""
    trivial = (name.replace("_", "\n") for name in TRIVIAL)
    table = Table("%", result.model, "95% interval", *trivial)
    for key in RATES:
        name = key.replace("_", " ").replace("f1", "F1")
        value = getattr(result.rates, key)
        others = [getattr(result.trivial[other], key) for other in TRIVIAL]
        if isinstance(value, Estimate):
            table.add_row(name, *_cells(value), *map(percent, others))
            continue
        for label in LABELS:
            baselines = (percent(other[label]) for other in others)
            table.add_row(f"{name}, {label}", *_cells(value[label]), *baselines)
    table.add_section()
    table.add_row("ROC-AUC", *_cells(result.roc_auc))
    table.add_row("answered *", *_cells(result.selective.coverage))
    table.add_row("accuracy of these", *_cells(result.selective.accuracy))
    table.add_section()
    calibration = result.calibration
    for name, value in {
        "ECE, 0-1": calibration.ece,
        "Brier, 0-1": calibration.brier,
        "NLL, nats": calibration.nll,
        "AURC, 0-1": result.risk_coverage.aurc,
    }.items():
        ends = "-".join(f"{end:.4f}" for end in value.interval or ())
        table.add_row(name, "-" if value.value is None else f"{value.value:.4f}", ends)
    table.caption = f"* with a confidence of at least {result.selective.min_confidence:.2f}"
    return table


def groups(by_group: "Mapping[str, Mapping[str, Group]]") -> Table:
    """Accuracy and recall by group."""
    recalls = [f"recall, {label}" for label in LABELS]
    rows = _grouped(by_group, lambda g: g.accuracy.n, lambda g: [g.accuracy, *g.recall.values()])
    return _table(["% (95% interval)", "n", "accuracy", *recalls], rows)


def abstention(by_group: "Mapping[str, Mapping[str, Group]]") -> Table:
    """Calibration and abstention by group."""

    def values(group: "Group") -> list[Estimate | None]:
        chosen = group.selective
        answered = (chosen.coverage, chosen.accuracy) if chosen else (None, None)
        return [group.ece, group.aurc, *answered]

    names = ["% (95% interval)", "n", "ECE", "AURC", "answered *", "accuracy of these"]
    return _table(names, _grouped(by_group, lambda group: group.accuracy.n, values))


def coverages(result: "RiskCoverage") -> Table:
    """The error of the most confident predictions."""
    rows = (
        [percent(at.coverage), f"{at.error.n:,}", f"{at.confidence:.3f}", *_cells(at.error)]
        for at in result.at
    )
    return _table(["answered, %", "n", "confidence from", "error, %", "95% interval"], rows)


def face_sizes(result: "FaceSizes") -> Table:
    """Accuracy by the size of the face."""
    rows = (
        [str(row.face_px), f"{row.accuracy.n:,}", f"{row.n_as_it_is:,}", *_cells(row.accuracy)]
        for row in result.curve
    )
    return _table(
        ["face, px across", "n", "already this small", "accuracy, %", "95% interval"], rows
    )


def comparison(result: "Comparison") -> Iterator[Table]:
    """A compared with B: without abstention, with abstention, and by group."""
    forced, given = result.without_abstention, result.as_given
    names = ["% (95% interval)", "n", "A", "B", "A - B"]
    yield _table(
        names,
        [
            ["without abstention"],
            *_accuracies(forced.accuracies),
            _agreement(forced.agreement),
            [],
            ["with abstention"],
            ["  answered", "", *map(with_interval, (given.a.coverage, given.b.coverage))],
            ["  accuracy of these", "", *map(with_interval, (given.a.accuracy, given.b.accuracy))],
            _agreement(given.agreement),
            [],
            ["where both answered"],
            *_accuracies(given.both_answered),
        ],
    )
    if result.by_group:
        rows = _grouped(result.by_group, lambda g: g.a.n, lambda g: [g.a, g.b, g.difference])
        yield _table(names, rows)


def counterfactuals(result: "Counterfactuals") -> Table:
    """A row for each condition."""
    head = ["%", "n", "flip rate", "to man, woman", "confidence", "accuracy"]
    if result.redetected:
        head += ["found", "accuracy of these"]
    table = Table(*head)
    table.columns[0].no_wrap = True
    table.add_row("original", f"{result.n:,}", "", "", "", percent(result.accuracy.value))
    for row in result.conditions:
        redetected = [with_interval(rate) for rate in (row.found, row.accuracy_of_found) if rate]
        table.add_row(
            printable(row.name),
            f"{row.flip_rate.n:,}",
            with_interval(row.flip_rate),
            f"{percent(row.to_man)}, {percent(row.to_woman)}",
            with_interval(row.confidence_change),
            percent(row.accuracy.value),
            *redetected,
        )
    return table


def regions(groups: "tuple[RegionGroup, ...]") -> Table:
    """A row for each group, a column for each region, the regions' areas in the first row. Groups
    that are too small for a share are listed below.
    """
    first = groups[0].regions
    names = (region.replace("/", "/\n") for region in first)
    table = Table("energy, %,\n± half its\n95% range", "n", *names)
    table.add_row("area, %", "", *(percent(cell.area) for cell in first.values()))
    section, small = "", []
    for group in groups:
        divided = f"{group.column} {group.group}" if group.column else ""
        name = printable(divided or f"{group.label}, {group.answers}")
        cells = [*map(_region, group.regions.values())]
        if {*cells} == {TOO_SMALL}:
            small.append(name)
            continue
        if section != (section := group.column or group.label):
            table.add_section()
        table.add_row(name, f"{group.n:,}", *cells)
    if small:
        table.caption = f"{TOO_SMALL}: {'; '.join(small)}"
        table.caption_justify = "left"
    return table


def _region(region: "RegionShare") -> str:
    if region.share.value is None or region.share.interval is None:
        return TOO_SMALL
    low, high = region.share.interval
    return f"{100 * region.share.value:.1f}\n±{50 * (high - low):.1f}"


def printed(source: "page.Table") -> Table:
    """A page's table, for the terminal."""
    table = Table(*source.head, caption=source.caption, caption_justify="left")
    for row in source.rows:
        table.add_row(*row)
    return table


def _accuracies(values: "Accuracies") -> Iterator[list[str]]:
    sides = map(with_interval, (values.a, values.b, values.difference))
    yield ["  accuracy", f"{values.a.n:,}", *sides]
    test = values.mcnemar
    yield ["  right alone", "", f"{test.a_only:,}", f"{test.b_only:,}", f"p = {test.p:.2g}"]


def _agreement(values: "Agreement") -> list[str]:
    kappa = "-" if values.kappa.value is None else f"kappa {values.kappa.value:.3f}"
    return ["  agreement", f"{values.share.n:,}", with_interval(values.share), "", kappa]


def _grouped(
    by_group: Mapping[str, Mapping[str, G]],
    size: Callable[[G], int],
    values: Callable[[G], Iterable[Estimate | None]],
) -> Iterator[list[str]]:
    """For each column a divider, [], its heading, and a row per group. Groups too small for any
    number are only counted.
    """
    for column, groups in by_group.items():
        yield []
        yield [printable(column)]
        small = 0
        for name, group in groups.items():
            cells = [with_interval(value) for value in values(group)]
            if {*cells} == {TOO_SMALL}:
                small += 1
            else:
                yield [f"  {printable(name) or NOT_STATED}", f"{size(group):,}", *cells]
        if small:
            yield [f"  {small:,} group{'s' * (small > 1)}", "", TOO_SMALL]


def _table(names: list[str], rows: Iterable[list[str]]) -> Table:
    table = Table(*names)
    table.columns[0].overflow = "fold"
    for row in rows:
        if row:
            table.add_row(*row)
        else:
            table.add_section()
    return table


def _cells(estimate: Estimate) -> tuple[str, str]:
    """The value and its interval, in two cells."""
    return percent(estimate.value), between(estimate.interval)


def with_interval(estimate: Estimate | None) -> str:
    """A share in percent, with its interval."""
    if estimate is None or estimate.value is None:
        return TOO_SMALL
    if estimate.interval is None:
        return percent(estimate.value)
    return f"{percent(estimate.value)} ({between(estimate.interval)})"


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def between(interval: Interval | None) -> str:
    if interval is None:
        return ""
    ends = [percent(end) for end in interval]
    return (" to " if ends[0].startswith("-") else "-").join(ends)
