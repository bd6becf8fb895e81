"""Numbers of a report as tables for the terminal."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rich import box
from rich.table import Table

from genderscope.core.terminal import printable
from genderscope.core.types import LABELS

MEASURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "recall_gap": "recall gap",
    "macro_precision": "macro precision",
    "macro_f1": "macro F1",
    "recall": "recall",
    "precision": "precision",
    "f1": "F1",
}
TRIVIAL = {
    "always_woman": "always\nwoman",
    "always_man": "always\nman",
    "prior_random": "prior\nrandom",
}


def measures(report: dict[str, Any]) -> Table:
    """The model beside the three classifiers that look at nothing."""
    table = Table("%", report["model"], "95% interval", *TRIVIAL.values(), box=box.SIMPLE)
    columns = [report, *(report["trivial"][name] for name in TRIVIAL)]
    for key, name in MEASURES.items():
        values = [column[key] for column in columns]
        interval = report[f"{key}_interval"]
        if isinstance(interval, list):
            table.add_row(name, percent(values[0]), between(interval), *map(percent, values[1:]))
            continue
        for label in LABELS:
            first, *others = (percent(value[label]) for value in values)
            table.add_row(f"{name}, {label}", first, between(interval[label]), *others)
    table.add_section()
    table.add_row("ROC-AUC", percent(report["roc_auc"]), between(report["roc_auc_interval"]))
    chosen = report["selective"]
    table.add_row("answered *", percent(chosen["coverage"]), between(chosen["coverage_interval"]))
    table.add_row(
        "accuracy of these", percent(chosen["accuracy_of_answered"]), between(chosen["interval"])
    )
    table.add_section()
    for key, name in {"ece": "ECE, 0-1", "brier": "Brier, 0-1", "nll": "NLL, nats"}.items():
        table.add_row(name, *_small(report["calibration"], key))
    table.add_row("AURC, 0-1", *_small(report["risk_coverage"], "aurc"))
    table.caption = f"* with a confidence of at least {chosen['min_confidence']:.2f}"
    return table


def groups(by_group: dict[str, Any]) -> Table:
    """Each of the data set's groups by itself."""
    recalls = [f"recall, {label}" for label in LABELS]
    rows = _grouped(
        by_group,
        lambda group: [
            (group["accuracy"], group["accuracy_interval"]),
            *((recall["value"], recall["interval"]) for recall in group["recall"].values()),
        ],
    )
    return _table(["% (95% interval)", "n", "accuracy", *recalls], rows)


def abstention(by_group: dict[str, Any]) -> Table:
    """Calibration within each group, and what abstaining leaves of it."""
    rows = _grouped(
        by_group,
        lambda group: [
            (group["ece"], group["ece_interval"]),
            (group["aurc"], group["aurc_interval"]),
            *(
                ((group["selective"] or {}).get(value), (group["selective"] or {}).get(interval))
                for value, interval in (
                    ("coverage", "coverage_interval"),
                    ("accuracy_of_answered", "interval"),
                )
            ),
        ],
    )
    names = ["% (95% interval)", "n", "ECE", "AURC", "answered *", "accuracy of these"]
    return _table(names, rows)


def coverages(at: list[dict[str, Any]]) -> Table:
    """The error among the most confident."""
    rows = (
        [
            percent(row["coverage"]),
            f"{row['n_answered']:,}",
            f"{row['confidence']:.3f}",
            percent(row["error"]),
            between(row["interval"]),
        ]
        for row in at
    )
    return _table(["answered, %", "n", "confidence from", "error, %", "95% interval"], rows)


def face_sizes(curve: list[dict[str, Any]]) -> Table:
    """Accuracy by the size of the face."""
    rows = (
        [
            f"{row['face_px']}",
            f"{row['n']:,}",
            f"{row['n_as_it_is']:,}",
            percent(row["accuracy"]),
            between(row["interval"]),
        ]
        for row in curve
    )
    return _table(["face, px across", "n", "no larger anyway", "accuracy, %", "95% interval"], rows)


def comparison(report: dict[str, Any]) -> Table:
    """A beside B: without abstention, then as they answered."""
    forced, given = report["without_abstention"], report["as_given"]
    names = ["% (95% interval)", "n", "A", "B", "A - B"]

    def rows() -> Iterator[list[str]]:
        yield ["without abstention"]
        yield from _compared(forced)
        yield _agreement(forced["agreement"])
        yield []
        yield ["as they answered"]
        for name, value, interval in (
            ("answered", "coverage", "coverage_interval"),
            ("accuracy of these", "accuracy_of_answered", "interval"),
        ):
            sides = (_with(given[side][value], given[side][interval]) for side in "ab")
            yield [f"  {name}", "", *sides]
        yield _agreement(given["agreement"])
        yield []
        yield ["where both answered"]
        yield from _compared(given["both_answered"])

    return _table(names, rows())


def compared_groups(by_group: dict[str, Any]) -> Table:
    """A beside B in each group, without abstention."""
    rows = _grouped(
        by_group,
        lambda group: [
            *((group[side]["accuracy"], group[side]["interval"]) for side in "ab"),
            (group["difference"], group["difference_interval"]),
        ],
    )
    return _table(["% (95% interval)", "n", "A", "B", "A - B"], rows)


def _compared(values: dict[str, Any]) -> Iterator[list[str]]:
    test = values["mcnemar"]
    yield [
        "  accuracy",
        f"{values['n']:,}",
        *(_with(values[side]["accuracy"], values[side]["interval"]) for side in "ab"),
        _with(values["difference"], values["difference_interval"]),
    ]
    p = f"p = {test['p']:.2g}"
    yield ["  right alone", "", f"{test['a_only']:,}", f"{test['b_only']:,}", p]


def _agreement(values: dict[str, Any]) -> list[str]:
    kappa = "-" if values["kappa"] is None else f"kappa {values['kappa']:.3f}"
    share = _with(values["share"], values["interval"])
    return ["  say the same", f"{values['n']:,}", share, "", kappa]


def _grouped(
    by_group: dict[str, Any], values: Callable[[dict[str, Any]], list[Any]]
) -> Iterator[list[str]]:
    """A heading for each column and a row for each of its groups; [] divides them."""
    for column, groups in by_group.items():
        yield []
        yield [printable(column)]
        for name, group in groups.items():
            yield [
                f"  {printable(name)}",
                f"{group['n']:,}",
                *(_with(share, interval) for share, interval in values(group)),
            ]


def _with(share: float | None, interval: list[float | None] | None) -> str:
    if share is None or interval is None:
        return "n too small"
    return f"{percent(share)} ({between(interval)})"


def _table(names: list[str], rows: Iterable[list[str]]) -> Table:
    table = Table(*names, box=box.SIMPLE)
    table.columns[0].overflow = "fold"
    for row in rows:
        if row:
            table.add_row(*row)
        else:
            table.add_section()
    return table


def _small(values: dict[str, Any], key: str) -> tuple[str, str]:
    """A number that is no share, with its interval."""
    if values[key] is None:
        return "-", ""
    return f"{values[key]:.4f}", "-".join(f"{end:.4f}" for end in values[f"{key}_interval"])


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def between(interval: list[float | None]) -> str:
    if None in interval:
        return ""
    ends = [percent(end) for end in interval]
    return (" to " if ends[0].startswith("-") else "-").join(ends)
