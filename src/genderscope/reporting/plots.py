"""Plots of results: PNGs of an evaluation, and SVG for pages. ``pyplot`` would need a display."""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from genderscope.core.extras import require
from genderscope.core.results import Estimate
from genderscope.core.storage import text, write_whole
from genderscope.core.terminal import printable
from genderscope.core.types import LABELS
from genderscope.evaluation.evaluate import Confusion, Evaluation
from genderscope.evaluation.face_sizes import FaceSizes, PublishedCurve, published
from genderscope.evaluation.metrics.calibration import Calibration, RiskCoverage
from genderscope.imaging.draw import COLOURS
from genderscope.reporting.formatting import shortened

PLAIN = "#7f858c"
LINE = "#0072b2"
SERIES_COLOURS = {label: "#{2:02x}{1:02x}{0:02x}".format(*bgr) for label, bgr in COLOURS.items()}
INK = "#010203"  # placeholder for ``currentColor`` in SVGs
PART_COLOURS = ("#9fc5e3", "#d9d9d9", "#ef9a62")


def evaluation(result: Evaluation, folder: Path) -> None:
    """Draw all plots of an evaluation into a folder, which is created."""
    folder.mkdir(parents=True, exist_ok=True)
    heading = title(result)
    confusion_matrix(result.confusion, heading, folder / "confusion.png")
    reliability(result.calibration, heading, folder / "reliability.png")
    risk_coverage(result.risk_coverage, heading, folder / "risk-coverage.png")
    if result.face_size:
        others = published(result.dataset.partition(":")[0])
        face_sizes(result.face_size, others, heading, folder / "face-size.png")


def title(result: Evaluation) -> str:
    """The title of an evaluation's plots: model, data set and n in one line."""
    return text(f"{result.model} on {result.dataset}, {result.split}, n = {result.n:,}")


def confusion_matrix(confusion: Confusion, title: str, path: Path) -> None:
    """Draw a confusion matrix to a PNG, as counts and as shares of each label."""
    with png(path, 8, 4.2, title) as figure:
        left, right = figure.subplots(1, 2)
        shares = confusion.shares
        _matrix(left, shares, [[f"{n:,}" for n in row] for row in confusion.counts], "pictures")
        _matrix(right, shares, [[f"{share:.1%}" for share in row] for row in shares], "share")


def _matrix(
    axes: Any, shades: Sequence[Sequence[float]], texts: Sequence[Sequence[str]], title: str
) -> None:
    axes.imshow(shades, cmap="Blues", vmin=0, vmax=1)
    axes.set(title=title, xlabel="predicted", ylabel="labelled")
    axes.set_xticks((0, 1), LABELS)
    axes.set_yticks((0, 1), LABELS)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        colour = "white" if shades[row][column] > 0.5 else "black"
        axes.text(column, row, texts[row][column], ha="center", va="center", color=colour)


def reliability(calibration: Calibration, title: str, path: Path) -> None:
    """Draw a reliability diagram to a PNG: the accuracy and the size of each confidence bin."""
    with png(path, 5.4, 5.4, title) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.plot([0.5, 1], [0.5, 1], color=PLAIN, linestyle="--", label="calibrated")
        bins = calibration.bins
        if large := [part for part in bins if part.accuracy.value is not None]:
            x = [part.mean_confidence for part in large]
            _points(upper, x, [part.accuracy for part in large], f"ECE {_decimal(calibration.ece)}")
        upper.set(ylabel="accuracy, with 95% interval", xlim=(0.49, 1.01))
        upper.legend(loc="upper left")
        widths = [part.high - part.low for part in bins]
        counts = [part.accuracy.n for part in bins]
        lower.bar([part.low for part in bins], counts, widths, align="edge", color=LINE)
        lower.set(xlabel="confidence", ylabel="pictures")
        lower.yaxis.set_major_formatter("{x:,.0f}")


def risk_coverage(result: RiskCoverage, title: str, path: Path) -> None:
    """Draw the risk-coverage curve to a PNG: the error of the most confident predictions."""
    with png(path, 5.4, 4.2, title) as figure:
        axes = figure.subplots()
        curve, label = result.curve, f"AURC {_decimal(result.aurc)}"
        axes.plot(_percent(curve.coverage), _percent(curve.error), color=LINE, label=label)
        errors = [row.error for row in result.at]
        _points(axes, _percent(row.coverage for row in result.at), errors, scale=100)
        axes.set(xlabel="answered, %", ylabel="error of these, %", xlim=(0, 101), ylim=(0, None))
        axes.legend(loc="upper left")


def face_sizes(result: FaceSizes, others: Sequence[PublishedCurve], title: str, path: Path) -> None:
    """Draw accuracy over face size to a PNG, with published curves for comparison."""
    with png(path, 6.4, 4.2, title) as figure:
        axes = figure.subplots()
        for other in others:
            y, name = _percent(other.accuracy), f"{other.name}, published"
            axes.plot(other.face_px, y, color=PLAIN, linestyle="--", marker=".", label=name)
        x = [row.face_px for row in result.curve]
        accuracies = [row.accuracy for row in result.curve]
        _points(axes, x, accuracies, "measured, 95% interval", "-", scale=100)
        axes.set_xscale("log")
        ticks = sorted({*x, *(size for other in others for size in other.face_px)})
        axes.set_xticks(ticks, ticks)
        axes.minorticks_off()
        axes.set(xlabel="face, pixels across", ylabel="accuracy, %")
        axes.legend(loc="lower right")


@contextmanager
def png(file: Path, width: float, height: float, title: str = "") -> Iterator[Any]:
    """A figure, its size in inches, that is saved to ``file`` when the block ends."""
    matplotlib = require("matplotlib.figure", "eval")
    figure = matplotlib.Figure(figsize=(width, height), dpi=150, layout="constrained")
    if title:
        figure.suptitle(title, parse_math=False, fontsize="medium", wrap=True)
    yield figure
    data = BytesIO()
    figure.savefig(data, format="png")
    write_whole(file, data.getvalue())


def _points(
    axes: Any,
    x: Sequence[float],
    y: Sequence[Estimate],
    label: str | None = None,
    line: str = "",
    scale: int = 1,
) -> None:
    """Draw estimates as points with error bars; those without a value are left out."""
    points = [
        (place, *(scale * number for number in (estimate.value, *estimate.interval)))
        for place, estimate in zip(x, y, strict=True)
        if estimate.value is not None and estimate.interval is not None
    ]
    if not points:
        return
    places, values, low, high = zip(*points, strict=True)
    below = [value - end for value, end in zip(values, low, strict=True)]
    above = [end - value for value, end in zip(values, high, strict=True)]
    style = {"color": LINE, "marker": "o", "linestyle": line, "capsize": 3, "label": label}
    axes.errorbar(places, values, (below, above), **style)
    axes.grid(alpha=0.25)


def _percent(shares: Iterable[float]) -> list[float]:
    return [100 * share for share in shares]


def _decimal(estimate: Estimate) -> str:
    ends = "-".join(f"{end:.4f}" for end in estimate.interval or ())
    return "undefined" if estimate.value is None else f"{estimate.value:.4f} ({ends})"


def histogram(edges: Sequence[float], series: Mapping[str, Sequence[int]], across: str) -> str:
    """Draw counts, (bins,) by series, between ascending edges, (bins + 1,), as overlaid outlines;
    SVG for a page. Labels have their own colours; ``across`` is the x axis with its unit.
    """
    with drawing() as figure:
        axes = figure.subplots()
        for name, counts in series.items():
            colour = SERIES_COLOURS.get(name, PLAIN)
            axes.stairs(counts, edges, fill=True, color=colour, alpha=0.35, clip_on=False)
            axes.stairs(counts, edges, color=colour, linewidth=1.5, label=name, clip_on=False)
        axes.set(xlabel=across, ylabel="pictures", ylim=(0, None), xlim=(edges[0], edges[-1]))
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.grid(axis="y", alpha=0.15, clip_on=False)
        return as_svg(figure, axes, series)


def bars(names: Sequence[str], series: Mapping[str, Sequence[int]], across: str) -> str:
    """Draw counts, (names,) by series, as stacked horizontal bars; SVG for a page. Labels have
    their own colours; ``across`` is what is counted.
    """
    with drawing(height=0.75 + 0.27 * len(names)) as figure:
        axes = figure.subplots()
        # Bars have numbers as positions, since a name may occur twice.
        places, left = range(len(names)), [0] * len(names)
        for name, counts in series.items():
            style = {"color": SERIES_COLOURS.get(name, PLAIN), "alpha": 0.85, "clip_on": False}
            drawn = axes.barh(places, counts, 0.72, left, label=name, **style)
            left = [sum(pair) for pair in zip(left, counts, strict=True)]
        axes.bar_label(drawn, [f"{total:,}" for total in left], padding=4, clip_on=False)
        axes.set_yticks(places, [shortened(printable(name)) for name in names])
        axes.set(xlabel=across, ylim=(len(names) - 0.5, -0.5), xlim=(0, max(left) * 1.1 or 1))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.grid(axis="x", alpha=0.15, clip_on=False)
        return as_svg(figure, axes, series, names)


@contextmanager
def drawing(height: float = 2.6) -> Iterator[Any]:
    """A figure 7 inches wide, in the style of the pages until the block ends."""
    matplotlib = require("matplotlib", "eval")
    lines = ("axes.edgecolor", "grid.color", "xtick.color", "ytick.color")
    style = {
        **dict.fromkeys((*lines, "axes.labelcolor", "text.color"), INK),
        "axes.axisbelow": True,
        "axes.spines.left": False,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "font.size": 10,
        "legend.frameon": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "genderscope",
        "text.parse_math": False,  # a group may be named $
        # Tick marks and clipping paths would have ids, which must be unique in a page.
        "xtick.major.size": 0,
        "ytick.major.size": 0,
    }
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # missing glyphs: the browser's font has them
        figure = require("matplotlib.figure", "eval").Figure
        yield figure(figsize=(7, height), layout="constrained")


def as_svg(figure: Any, axes: Any, series: Iterable[str], names: Sequence[str] = ()) -> str:
    """The figure as an ``<svg>`` element in the text colour of its surroundings."""
    if len(labels := list(series)) > 1 and labels != list(names):  # else the bars have the names
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper right", ncols=3)
    file = StringIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(file, format="svg", transparent=True, metadata=no_metadata)
    svg = file.getvalue()
    svg = re.sub(r'(<g) id="[^"]*"', r"\1", svg[svg.index("<svg") :])
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg, count=2)
    return svg.replace(INK, "currentColor")


def ranges(
    names: Sequence[str],
    values: Sequence[float],
    intervals: Sequence[tuple[float, float]],
    across: str,
    *,
    hollow: Sequence[bool] = (),
    reference: float | None = None,
) -> str:
    """Draw shares, 0-1, as dots on their intervals, one row per name; SVG for a page. ``across`` is
    the x axis. ``hollow`` dots, such as those of small groups, are rings; ``reference``, 0-1, is a
    dashed line.
    """
    with drawing(height=0.75 + 0.27 * len(names)) as figure:
        axes = figure.subplots()
        # Dots are the round caps of zero-length lines: markers would share ids in the page.
        style = {"solid_capstyle": "round", "clip_on": False}
        for place, (value, interval) in enumerate(zip(values, intervals, strict=True)):
            dot, row = [100 * value] * 2, [place] * 2
            axes.plot(_percent(interval), row, color=PLAIN, linewidth=2.5, clip_on=False)
            axes.plot(dot, row, color=LINE, linewidth=9, **style)
            if hollow and hollow[place]:
                axes.plot(dot, row, color="white", linewidth=5, **style)
        if reference is not None:
            dashes = {"color": INK, "linestyle": "--", "linewidth": 1, "alpha": 0.6}
            axes.axvline(100 * reference, clip_on=False, **dashes)
        axes.set_yticks(range(len(names)), names)
        # The axis starts at 0 unless an interval is negative, even if all shares are near 0.
        left = min(0, *(100 * low for low, _ in intervals))
        axes.set(xlabel=across, ylim=(len(names) - 0.5, -0.5), xlim=(left, None))
        axes.xaxis.set_major_formatter("{x:g}%")
        axes.grid(axis="x", alpha=0.15, clip_on=False)
        return as_svg(figure, axes, ())


def parts(names: Sequence[str], series: Mapping[str, Sequence[float]]) -> str:
    """Draw shares of wholes as stacked horizontal bars; SVG for a page. At most three series of
    0-1, (names,), which sum to 1.
    """
    with drawing(height=0.75 + 0.3 * len(names)) as figure:
        axes = figure.subplots()
        places, left = range(len(names)), [0.0] * len(names)
        for (name, shares), colour in zip(series.items(), PART_COLOURS, strict=False):
            widths = [100 * share for share in shares]
            drawn = axes.barh(places, widths, 0.76, left, color=colour, label=name, clip_on=False)
            texts = [f"{width:.0f}" if width >= 4 else "" for width in widths]
            axes.bar_label(drawn, texts, label_type="center", color="black", clip_on=False)
            left = [sum(pair) for pair in zip(left, widths, strict=True)]
        axes.set_yticks(places, names)
        axes.set(xlabel="of 100 pictures", ylim=(len(names) - 0.5, -0.5), xlim=(0, 100))
        return as_svg(figure, axes, series)
