"""What was measured, as tables and a drawing. Knows nothing of how it was measured."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from genderscope.core.extras import require
from genderscope.reporting.markdown import table as table_text
from genderscope.reporting.page import Table

MARKERS = "os^Dv<>ph"
"""One a data set; more than so many are not drawn."""
LARGEST = 12
"""How many operators of a network are shown, those that take the longest."""


def comparison(measured: dict[str, Any]) -> Iterator[Table]:
    """The models beside each other, and each pair of them."""
    models, pairs = measured["models"].values(), measured["pairs"]
    one = next(iter(models))
    batches = list(one["time"]["network"])
    rows = [
        [f"accuracy %, {data}, n = {n['n']:,}", *(_percent(m["accuracy"][data]) for m in models)]
        for data, n in one["accuracy"].items()
    ]
    rows += [
        ["parameters", *(f"{m['parameters']:,}" for m in models)],
        ["multiply-adds, M", *(f"{m['multiply_adds'] / 1e6:,.1f}" for m in models)],
        ["file, kB", *(f"{m['file_bytes'] / 1e3:,.0f}" for m in models)],
    ]
    for batch in batches:
        times = [m["time"]["network"][batch] for m in models]
        rows += [
            [f"ms a face, batch {batch}: median", *(f"{t['median_ms']:.3f}" for t in times)],
            [f"ms a face, batch {batch}: 95th percentile", *(f"{t['p95_ms']:.3f}" for t in times)],
            [f"faces/s, batch {batch}", *(f"{t['faces_per_s']:,.0f}" for t in times)],
        ]
    answered = (m["time"]["classifier"]["1"]["median_ms"] for m in models)
    epochs = (m["training"]["seconds_per_epoch"] for m in models)
    rows += [
        ["ms from crop to scores, batch 1", *(f"{ms:.3f}" for ms in answered)],
        ["training, s an epoch", *("-" if s is None else f"{s:,.0f}" for s in epochs)],
    ]
    yield Table(
        ["", *measured["models"]],
        rows,
        f"Accuracy without abstention, with Wilson's 95% interval. Time: {measured['time_is']}.",
    )
    if not pairs:
        return
    yield Table(
        ["A, B", *(f"A's time in B's, batch {batch}" for batch in batches)],
        [
            [f"{pair['a']}, {pair['b']}", *(_ratio(pair["time_ratio"][batch]) for batch in batches)]
            for pair in pairs
        ],
        f"Medians of the ratios of {measured['rounds']} rounds, with 95% intervals (bootstrap).",
    )
    for data in one["accuracy"]:
        yield Table(
            [f"A, B on {data}", "A's accuracy less B's, points", "right: only A, only B", "p"],
            [[f"{pair['a']}, {pair['b']}", *_difference(pair["accuracy"][data])] for pair in pairs],
            "With 95% intervals (paired bootstrap); p of McNemar's exact two-sided test.",
        )


def _percent(found: dict[str, Any]) -> str:
    low, high = found["interval"]
    return f"{100 * found['value']:.1f} ({100 * low:.1f}-{100 * high:.1f})"


def _difference(found: dict[str, Any]) -> list[str]:
    low, high = found["interval"]
    return [
        f"{100 * found['difference']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})",
        f"{found['a_only']:,}, {found['b_only']:,}",
        f"{found['p']:.2g}",
    ]


def _ratio(found: dict[str, Any]) -> str:
    low, high = found["interval"]
    return f"{found['value']:.2f} ({low:.2f}-{high:.2f})"


def profile(measured: dict[str, Any]) -> Iterator[Table]:
    """The stages of pictures, how near each network comes to the machine's limit, and its parts."""
    pictures = measured["pictures"]
    together = pictures["together"]
    yield stages(
        pictures["apart"],
        f"{pictures['pictures']} pictures, {pictures['faces']} faces, {measured['model']}, faces "
        f"found by {measured['detector']}, one thread, picture by picture; medians of "
        f"{pictures['rounds']} rounds. In batches, without explaining and drawing: "
        f"{together['ms']:,.1f} ms, {together['pictures_per_s']:.1f} pictures/s, "
        f"{together['faces_per_s']:.1f} faces/s.",
    )
    ceiling = measured["ceiling"]
    rows = []
    for name, found in measured["networks"].items():
        for batch, run in found["profile"].items():
            gflops = found["gflops"][batch]
            rows.append(
                [
                    name,
                    batch,
                    f"{found['multiply_adds'] / 1e6:.2f}",
                    f"{run['multiply_adds'] / 1e6:.2f}",
                    f"{run['bytes'] / 1e6:.2f}",
                    f"{1e3 * found['time'][batch]['median_ms']:,.0f}",
                    f"{gflops:.1f}",
                    f"{100 * gflops / ceiling['best_gflops']:.0f}",
                    f"{run['gbytes_per_s']:.1f}",
                ]
            )
    yield Table(
        [
            "network",
            "batch",
            "multiply-adds, M",
            "with padding, M",
            "moved, MB",
            "us",
            "GFLOP/s",
            "% of the ceiling",
            "GB/s",
        ],
        rows,
        f"For one face, one thread. The ceiling is {ceiling['best_gflops']:.1f} GFLOP/s, a large "
        f"float32 matrix product; copying memory reaches {ceiling['copy_gbytes_per_s']:.1f} GB/s. "
        "A multiplication and an addition are two operations, and those of padding do not count.",
    )
    for name, found in measured["networks"].items():
        for batch, run in found["profile"].items():
            yield _operators(name, batch, run)


def _operators(name: str, batch: str, profile: dict[str, Any]) -> Table:
    largest = sorted(profile["operators"], key=lambda operator: -operator["microseconds"])
    rows = [
        [
            f"{operator['operator']} to {'x'.join(map(str, operator['output']))}",
            f"{operator['microseconds']:.1f}",
            f"{100 * operator['microseconds'] / profile['microseconds']:.0f}",
            f"{operator['multiply_adds'] / 1e6:.3f}",
            f"{2e-3 * operator['multiply_adds'] / operator['microseconds']:.0f}",
            f"{1e-3 * operator['bytes'] / operator['microseconds']:.0f}",
        ]
        for operator in largest[:LARGEST]
    ]
    return Table(
        ["operator", "us", "%", "multiply-adds, M", "GFLOP/s", "GB/s"],
        rows,
        f"{name}, batch {batch}, for one face: the {len(rows)} of {len(largest)} operators that "
        f"take the longest; measuring adds to {profile['microseconds']:,.0f} us in all.",
    )


def stages(found: dict[str, Any], title: str) -> Table:
    """The stages of a picture or of a frame; see ``stages.shares``."""
    names = {**found["stages"], "all": {**found, "share": 1.0}}
    return Table(
        ["stage", "ms", "%", "pictures/s", "faces/s"],
        [
            [
                name,
                f"{stage['ms']:.2f}",
                f"{100 * stage['share']:.1f}",
                f"{stage['pictures_per_s']:,.1f}",
                f"{stage['faces_per_s']:,.0f}",
            ]
            for name, stage in names.items()
        ],
        title,
    )


def video(measured: dict[str, Any]) -> Iterator[Table]:
    """Frames a second by the number of faces, and what explaining costs."""
    for faces, found in measured.items():
        for way in ("plain", "explained"):
            if way in found:
                seen = found[way]
                yield stages(
                    seen,
                    f"640x480, {faces} face{'s' * (faces != '1')}, {way}: "
                    f"{seen['pictures_per_s']:.0f} frames/s, {seen['faces_a_frame']:.1f} faces "
                    f"found a frame, median of {seen['frames']} frames.",
                )
    rows = [
        [faces, _ratio(found["guided_to_plain"])]
        for faces, found in measured.items()
        if "guided_to_plain" in found
    ]
    if rows:
        yield Table(
            ["faces", "guided in plain"], rows, "Time of scores with maps in that of scores."
        )


def markdown(tables: Iterable[Table], measured: dict[str, Any]) -> str:
    """Tables as GitHub reads them, each with its caption below, and what measured them."""
    machine = measured["machine"]
    caches = ", ".join(f"{name} {size}" for name, size in machine["caches"].items())
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    parts = []
    for table in tables:
        parts.append(table_text(table.head, table.rows))
        if table.caption:
            parts.append(table.caption)
    parts.append(
        f"Measured by `{measured['command']}` on {machine['cpu']} ({machine['cores']} cores, "
        f"{caches}; {' '.join(machine['instructions'])}), {machine['system']}; {versions}."
    )
    return "\n\n".join(parts) + "\n"


def drawing(measured: dict[str, Any], file: Path) -> None:
    """Accuracy against time and against size, one point a model and data set, as a PNG."""
    locator = require("matplotlib.ticker", "eval").LogLocator
    figure = require("matplotlib.figure", "eval").Figure(
        figsize=(9, 4.5), dpi=150, layout="constrained"
    )
    models = measured["models"]
    sides = figure.subplots(1, 2, sharey=True)
    for number, (name, model) in enumerate(models.items()):
        places = model["time"]["network"]["1"]["median_ms"], model["parameters"] / 1e3
        for marker, (data, found) in zip(MARKERS, model["accuracy"].items(), strict=False):
            low, value, high = 100 * np.insert(found["interval"], 1, found["value"])
            for axes, place in zip(sides, places, strict=True):
                axes.errorbar(
                    place,
                    value,
                    [[value - low], [high - value]],
                    fmt=marker,
                    color=f"C{number}",
                    capsize=3,
                    label=f"{name}, {data}",
                )
    for axes, title in zip(
        sides, ("ms a face, one thread, batch 1", "thousand parameters"), strict=True
    ):
        axes.set(xlabel=title, xscale="log")
        axes.xaxis.set_major_locator(locator(subs=(1, 3)))
        axes.xaxis.set_major_formatter("{x:,g}")
        axes.minorticks_off()
        axes.margins(x=0.1, y=0.1)
        axes.grid(alpha=0.25)
    sides[0].set_ylabel("accuracy %, with its 95% interval")
    handles = sides[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=min(len(models), 3), fontsize=8)
    figure.savefig(file, format="png")
