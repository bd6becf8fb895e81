"""Benchmarks as tables and a plot."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from genderscope.core.extras import require
from genderscope.evaluation.benchmark import results
from genderscope.reporting import plots
from genderscope.reporting.formatting import TOO_SMALL
from genderscope.reporting.page import Table, markdown_table
from genderscope.reporting.tables import with_interval

MARKERS = "os^Dv<>ph"
"""One per data set; further data sets are not drawn."""
MOST_OPERATORS = 12
"""Only the slowest operators of a network are listed."""


def comparison(result: results.Benchmark) -> Iterator[Table]:
    """The models side by side, and their pairwise comparisons."""
    models, pairs = result.models.values(), result.pairs
    first = next(iter(models))
    batches = list(first.time["network"])
    rows = [
        [f"accuracy %, {data}, n = {a.n:,}", *(with_interval(m.accuracy[data]) for m in models)]
        for data, a in first.accuracy.items()
    ]
    rows += [
        ["parameters", *(f"{m.parameters:,}" for m in models)],
        ["multiply-adds, M", *(f"{m.multiply_adds / 1e6:,.1f}" for m in models)],
        ["looks per face", *(f"{m.looks:.2f}" for m in models)],
        ["file, kB", *(f"{m.file_bytes / 1e3:,.0f}" for m in models)],
    ]
    for batch in batches:
        times = [m.time["network"][batch] for m in models]
        rows += [
            [f"ms per look, batch {batch}: median", *(f"{t.median_ms:.3f}" for t in times)],
            [f"ms per look, batch {batch}: 95th percentile", *(f"{t.p95_ms:.3f}" for t in times)],
            [
                f"faces/s, batch {batch}",
                *(f"{m.time['network'][batch].faces_per_s / m.looks:,.0f}" for m in models),
            ],
        ]
    latencies_ms = (m.looks * m.time["classifier"]["1"].median_ms for m in models)
    epochs = (m.training.seconds_per_epoch for m in models)
    rows += [
        ["ms from crop to scores, batch 1", *(f"{ms:.3f}" for ms in latencies_ms)],
        ["training, s per epoch", *("-" if s is None else f"{s:,.0f}" for s in epochs)],
    ]
    note = "Accuracy without abstention, with Wilson's 95% interval. " if first.accuracy else ""
    yield Table(["", *result.models], rows, f"{note}Time: {result.time_is}.")
    if not pairs:
        return
    yield Table(
        ["A, B", *(f"time ratio A/B, batch {batch}" for batch in batches)],
        [[f"{pair.a}, {pair.b}", *(ratio(pair.time_ratio[b]) for b in batches)] for pair in pairs],
        f"Medians of the ratios of {result.rounds} rounds, with 95% intervals (bootstrap).",
    )
    for data in first.accuracy:
        yield Table(
            [f"A, B on {data}", "accuracy difference A - B, points", "right: only A, only B", "p"],
            [[f"{pair.a}, {pair.b}", *_difference(pair.accuracy[data])] for pair in pairs],
            "With 95% intervals (Newcombe 1998, paired); p of McNemar's exact two-sided test.",
        )


def _difference(accuracy: results.PairedAccuracy) -> list[str]:
    difference, test = accuracy.difference, accuracy.test
    cell = TOO_SMALL
    if difference.value is not None and difference.interval is not None:
        low, high = difference.interval
        cell = f"{100 * difference.value:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
    return [cell, f"{test.a_only:,}, {test.b_only:,}", f"{test.p:.2g}"]


def ratio(estimate: results.Ratio) -> str:
    """A ratio with its interval."""
    low, high = estimate.interval
    return f"{estimate.value:.2f} ({low:.2f}-{high:.2f})"


def profile(result: results.Profile) -> Iterator[Table]:
    """The stages of a picture, each network against the machine's ceiling, and its operators."""
    pictures = result.pictures
    together = pictures.together
    yield stages(
        pictures.apart,
        f"{pictures.pictures} pictures, {pictures.faces} faces, {result.model}, faces "
        f"found by {result.detector}, one thread, one picture at a time; medians of "
        f"{pictures.rounds} rounds. In batches, without explanations and drawing: "
        f"{together.ms:,.1f} ms, {together.pictures_per_s:.1f} pictures/s, "
        f"{together.faces_per_s:.1f} faces/s.",
    )
    ceiling = result.ceiling
    rows = [
        {
            "network": name,
            "batch": batch,
            "multiply-adds, M": f"{speed.multiply_adds / 1e6:.2f}",
            "with padding, M": f"{run.multiply_adds / 1e6:.2f}",
            "moved, MB": f"{run.bytes / 1e6:.2f}",
            "us": f"{1e3 * speed.time[batch].median_ms:,.0f}",
            "GFLOP/s": f"{speed.gflops[batch]:.1f}",
            "% of the ceiling": f"{100 * speed.gflops[batch] / ceiling.best_gflops:.0f}",
            "GB/s": f"{run.gbytes_per_s:.1f}",
        }
        for name, speed in result.networks.items()
        for batch, run in speed.profile.items()
    ]
    yield Table(
        list(rows[0]),
        [list(row.values()) for row in rows],
        f"Per face, one thread. The ceiling is {ceiling.best_gflops:.1f} GFLOP/s, reached by a "
        f"large float32 matrix product; copying memory reaches {ceiling.copy_gbytes_per_s:.1f} "
        "GB/s. A multiply-add is two operations; those on padding do not count.",
    )
    for name, speed in result.networks.items():
        for batch, run in speed.profile.items():
            yield _operators(name, batch, run)


def _operators(name: str, batch: str, profile: results.NetworkProfile) -> Table:
    slowest = sorted(profile.operators, key=lambda operator: -operator.microseconds)
    rows = [
        [
            f"{operator.operator} to {'x'.join(map(str, operator.output))}",
            f"{operator.microseconds:.1f}",
            f"{100 * operator.microseconds / profile.microseconds:.0f}",
            f"{operator.multiply_adds / 1e6:.3f}",
            f"{2e-3 * operator.multiply_adds / operator.microseconds:.0f}",
            f"{1e-3 * operator.bytes / operator.microseconds:.0f}",
        ]
        for operator in slowest[:MOST_OPERATORS]
    ]
    return Table(
        ["operator", "us", "%", "multiply-adds, M", "GFLOP/s", "GB/s"],
        rows,
        f"{name}, batch {batch}, per face: the {len(rows)} slowest of {len(slowest)} operators; "
        f"total with profiling: {profile.microseconds:,.0f} us.",
    )


def stages(result: results.Stages, title: str) -> Table:
    """The stages of a picture or of a frame."""
    rows = []
    for name, rate in {**result.stages, "all": result}.items():
        share = rate.share if isinstance(rate, results.Stage) else 1.0
        speeds = f"{rate.pictures_per_s:,.1f}", f"{rate.faces_per_s:,.0f}"
        rows.append([name, f"{rate.ms:.2f}", f"{100 * share:.1f}", *speeds])
    return Table(["stage", "ms", "%", "pictures/s", "faces/s"], rows, title)


def video(result: results.VideoBenchmark) -> Iterator[Table]:
    """Frames per second by the number of faces, and the cost of explanations."""
    rows = []
    for faces, run in result.faces.items():
        streams = {"plain": run.plain, "plain, --detect-every 1": run.whole}
        for name, stream in (streams | {"explained": run.explained}).items():
            if stream:
                yield stages(
                    stream,
                    f"640x480, {faces} face{'s' * (faces != '1')}, {name}: "
                    f"{stream.pictures_per_s:.0f} frames/s, {stream.faces_a_frame:.1f} faces "
                    f"found per frame, mean of {stream.frames} frames.",
                )
        if run.guided_to_plain:
            rows.append([faces, ratio(run.guided_to_plain)])
    if rows:
        caption = "Time of scores with explanation maps, divided by that of scores alone."
        yield Table(["faces", "guided / plain"], rows, caption)


def markdown(tables: Iterable[Table], result: results.TimedDocument) -> str:
    """Tables in Markdown with their captions, and the machine that they were measured on."""
    machine, provenance = result.machine, result.provenance
    caches = ", ".join(f"{name} {size}" for name, size in machine.caches.items())
    versions = ", ".join(f"{name} {number}" for name, number in provenance.versions.items())
    parts = []
    for table in tables:
        parts.append(markdown_table(table.head, table.rows))
        if table.caption:
            parts.append(table.caption)
    parts.append(
        f"Measured by `{provenance.command}` on {machine.cpu} ({machine.cores} cores, "
        f"{caches}; {' '.join(machine.instructions)}), {machine.system}; {versions}."
    )
    return "\n\n".join(parts) + "\n"


def drawing(result: results.Benchmark, file: Path) -> None:
    """Draw accuracy against time and size to a PNG, one point per model and data set."""
    locator = require("matplotlib.ticker", "eval").LogLocator
    models = result.models
    with plots.png(file, 9, 4.5) as figure:
        sides = figure.subplots(1, 2, sharey=True)
        for number, (name, model) in enumerate(models.items()):
            places = model.ms_per_face, model.parameters / 1e6
            for marker, (data, accuracy) in zip(MARKERS, model.accuracy.items(), strict=False):
                if accuracy.value is None or accuracy.interval is None:
                    continue
                low, value, high = 100 * np.insert(accuracy.interval, 1, accuracy.value)
                error = [[value - low], [high - value]]
                style = {"fmt": marker, "color": f"C{number}", "capsize": 3}
                for axes, place in zip(sides, places, strict=True):
                    axes.errorbar(place, value, error, label=f"{name}, {data}", **style)
        titles = ("ms per face, one thread, batch 1", "million parameters")
        for axes, title in zip(sides, titles, strict=True):
            axes.set(xlabel=title, xscale="log")
            axes.xaxis.set_major_locator(locator(subs=(1, 2, 3, 5), numticks=20))
            axes.xaxis.set_major_formatter("{x:,g}")
            axes.minorticks_off()
            axes.margins(x=0.1, y=0.1)
            axes.grid(alpha=0.25)
        sides[0].set_ylabel("accuracy %, with its 95% interval")
        handles = sides[0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncols=min(len(models), 3), fontsize=8)
