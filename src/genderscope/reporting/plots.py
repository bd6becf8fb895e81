"""Plots of results: PNGs of an evaluation, and SVG for pages. No ``pyplot``: it needs a screen."""

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
from genderscope.core.types import LABELS
from genderscope.evaluation.evaluate import Confusion, Evaluation
from genderscope.evaluation.face_sizes import FaceSizes, PublishedCurve, published
from genderscope.evaluation.metrics.calibration import Calibration, RiskCoverage
from genderscope.imaging.draw import COLOURS

PLAIN = "#7f858c"
LINE = "#0072b2"
SERIES_COLOURS = {label: "#{2:02x}{1:02x}{0:02x}".format(*bgr) for label, bgr in COLOURS.items()}
INK = "#010203"  # what becomes the colour of the text around a drawing
PART_COLOURS = ("#9fc5e3", "#d9d9d9", "#ef9a62")


def evaluation(result: Evaluation, folder: Path) -> None:
    """Draw all plots of an evaluation into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    heading = title(result)
    confusion_matrix(result.confusion, heading, folder / "confusion.png")
    reliability(result.calibration, heading, folder / "reliability.png")
    risk_coverage(result.risk_coverage, heading, folder / "risk-coverage.png")
    if result.face_size:
        others = published(result.dataset.partition(":")[0])
        face_sizes(result.face_size, others, heading, folder / "face-size.png")


def title(result: Evaluation) -> str:
    """What was evaluated, in one line."""
    return text(f"{result.model} on {result.dataset}, {result.split}, n = {result.n:,}")


def confusion_matrix(confusion: Confusion, title: str, path: Path) -> None:
    """Draw a confusion matrix to a PNG, as counts and as shares of each row."""
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
    """Draw the accuracy of each bin of the confidence, and how full it is, to a PNG."""
    with png(path, 5.4, 5.4, title) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.plot([0.5, 1], [0.5, 1], color=PLAIN, linestyle="--", label="calibrated")
        bins = calibration.bins
        if large := [one for one in bins if one.accuracy.value is not None]:
            x, accuracies = [one.mean_confidence for one in large], [one.accuracy for one in large]
            _points(upper, x, accuracies, f"ECE {_small(calibration.ece)}")
        upper.set(ylabel="accuracy, with 95% interval", xlim=(0.49, 1.01))
        upper.legend(loc="upper left")
        widths = [one.high - one.low for one in bins]
        counts = [one.accuracy.n for one in bins]
        lower.bar([one.low for one in bins], counts, widths, align="edge", color=LINE)
        lower.set(xlabel="confidence", ylabel="pictures")
        lower.yaxis.set_major_formatter("{x:,.0f}")


def risk_coverage(result: RiskCoverage, title: str, path: Path) -> None:
    """Draw the error of the most confident predictions over their share, to a PNG."""
    with png(path, 5.4, 4.2, title) as figure:
        axes = figure.subplots()
        curve, label = result.curve, f"AURC {_small(result.aurc)}"
        axes.plot(_percent(curve.coverage), _percent(curve.error), color=LINE, label=label)
        errors = [row.error for row in result.at]
        _points(axes, _percent(row.coverage for row in result.at), errors, scale=100)
        axes.set(xlabel="answered, %", ylabel="error of these, %", xlim=(0, 101), ylim=(0, None))
        axes.legend(loc="upper left")


def face_sizes(result: FaceSizes, others: Sequence[PublishedCurve], title: str, path: Path) -> None:
    """Draw accuracy over the size of the face, beside published curves, to a PNG."""
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
    """A figure, its size in inches, that is written when it is drawn."""
    blank = require("matplotlib.figure", "eval").Figure
    figure = blank(figsize=(width, height), dpi=150, layout="constrained")
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
    """Estimates as points with their intervals; those without a value are left out."""
    points = [
        (place, *(scale * number for number in (one.value, *one.interval)))
        for place, one in zip(x, y, strict=True)
        if one.value is not None and one.interval is not None
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


def _small(estimate: Estimate) -> str:
    ends = "-".join(f"{end:.4f}" for end in estimate.interval or ())
    return "undefined" if estimate.value is None else f"{estimate.value:.4f} ({ends})"


def histogram(edges: Sequence[float], series: Mapping[str, Sequence[int]], across: str) -> str:
    """Draw counts, (bins,) by name, between ascending edges, (bins + 1,), one outline a series over
    the others, as SVG for a page. A label has its colour; ``across`` is the axis with its unit.
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
    """Draw counts, (names,) by series, as horizontal bars, the series one after the other, as SVG
    for a page. A label has its colour; ``across`` is what is counted.
    """
    with drawing(height=0.75 + 0.27 * len(names)) as figure:
        axes = figure.subplots()
        # Bars are numbered, since a name may occur twice.
        places, left = range(len(names)), [0] * len(names)
        for name, counts in series.items():
            style = {"color": SERIES_COLOURS.get(name, PLAIN), "alpha": 0.85, "clip_on": False}
            drawn = axes.barh(places, counts, 0.72, left, label=name, **style)
            left = [sum(pair) for pair in zip(left, counts, strict=True)]
        axes.bar_label(drawn, [f"{total:,}" for total in left], padding=4, clip_on=False)
        axes.set_yticks(places, names)
        axes.set(xlabel=across, ylim=(len(names) - 0.5, -0.5), xlim=(0, max(left) * 1.1 or 1))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.grid(axis="x", alpha=0.15, clip_on=False)
        return as_svg(figure, axes, series, names)


@contextmanager
def drawing(height: float = 2.6) -> Iterator[Any]:
    """A figure of 7 inches across, for the time that it is drawn."""
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
        # Tick marks and clipping paths have ids, which must be unique in a page.
        "xtick.major.size": 0,
        "ytick.major.size": 0,
    }
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that is not in the font is in the browser's
        figure = require("matplotlib.figure", "eval").Figure
        yield figure(figsize=(7, height), layout="constrained")


def as_svg(figure: Any, axes: Any, series: Iterable[str], names: Sequence[str] = ()) -> str:
    """The drawing alone, in the colour of the text around it."""
    if len(labels := list(series)) > 1 and labels != list(names):  # else the bars say it already
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper right", ncols=3)
    written = StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(written, format="svg", transparent=True, metadata=nothing)
    drawing = written.getvalue()
    drawing = re.sub(r'(<g) id="[^"]*"', r"\1", drawing[drawing.index("<svg") :])
    drawing = re.sub(r' xmlns(:\w+)?="[^"]*"', "", drawing, count=2)
    return drawing.replace(INK, "currentColor")


def ranges(
    names: Sequence[str],
    values: Sequence[float],
    intervals: Sequence[tuple[float, float]],
    across: str,
    *,
    hollow: Sequence[bool] = (),
    reference: float | None = None,
) -> str:
    """Draw percentages, 0-1, as dots on their intervals, one line a name, as SVG for a page;
    ``across`` is what they are a share of. Hollow ones, such as those of few pictures, are rings;
    ``reference``, 0-1, is a dashed line.
    """
    with drawing(height=0.75 + 0.27 * len(names)) as figure:
        axes = figure.subplots()
        places = range(len(names))
        left, right = ([100 * interval[end] for interval in intervals] for end in (0, 1))
        # Dots are the round ends of lines without length: markers would share ids in the page.
        dots = [([100 * value] * 2, [place] * 2) for place, value in enumerate(values)]
        for place, dot in enumerate(dots):
            across_it = [left[place], right[place]]
            axes.plot(across_it, [place] * 2, color=PLAIN, linewidth=2.5, clip_on=False)
            axes.plot(*dot, color=LINE, linewidth=9, solid_capstyle="round", clip_on=False)
            if hollow and hollow[place]:
                axes.plot(*dot, color="white", linewidth=5, solid_capstyle="round", clip_on=False)
        if reference is not None:
            dashes = {"color": INK, "linestyle": "--", "linewidth": 1, "alpha": 0.6}
            axes.axvline(100 * reference, clip_on=False, **dashes)
        axes.set_yticks(places, names)
        # Below 0 only for measures that can be: a share near 0 keeps the axis's left end.
        axes.set(xlabel=across, ylim=(len(names) - 0.5, -0.5), xlim=(min(0, *left), None))
        axes.xaxis.set_major_formatter("{x:g}%")
        axes.grid(axis="x", alpha=0.15, clip_on=False)
        return as_svg(figure, axes, ())


def parts(names: Sequence[str], series: Mapping[str, Sequence[float]]) -> str:
    """Draw how wholes are divided, as horizontal bars of percentages, as SVG for a page; at most
    three series of 0-1, (names,), which sum to 1.
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
