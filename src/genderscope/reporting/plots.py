"""Numbers as pictures for a report. Knows nothing of where the numbers come from.

Figures are made by matplotlib's objects alone: ``pyplot`` would look for a screen.
"""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

from genderscope.core.extras import require
from genderscope.core.types import LABELS
from genderscope.imaging.draw import COLOURS

PLAIN = "#7f858c"
LINE = "#0072b2"
SERIES_COLOURS = {label: "#{2:02x}{1:02x}{0:02x}".format(*bgr) for label, bgr in COLOURS.items()}
INK = "#010203"
"""What becomes the colour of the text around a drawing."""


def confusion_matrix(
    counts: Sequence[Sequence[int]],
    normalised: Sequence[Sequence[float]],
    title: str,
    path: Path,
) -> None:
    """Draw a confusion matrix twice side by side, as counts and as shares of each row, to a PNG.

    Args:
        counts: (2, 2), rows are truths.
        normalised: (2, 2), 0-1.
    """
    figure = _figure(title, 8, 4.2)
    left, right = figure.subplots(1, 2)
    _matrix(left, normalised, [[f"{count:,}" for count in row] for row in counts], "pictures")
    _matrix(right, normalised, [[f"{share:.1%}" for share in row] for row in normalised], "share")
    figure.savefig(path, format="png")


def _matrix(
    axes: Any, shades: Sequence[Sequence[float]], texts: Sequence[Sequence[str]], title: str
) -> None:
    axes.imshow(shades, cmap="Blues", vmin=0, vmax=1)
    axes.set(
        title=title,
        xlabel="predicted",
        ylabel="labelled",
        xticks=(0, 1),
        yticks=(0, 1),
        xticklabels=LABELS,
        yticklabels=LABELS,
    )
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        colour = "white" if shades[row][column] > 0.5 else "black"
        axes.text(column, row, texts[row][column], ha="center", va="center", color=colour)


def reliability(calibration: Mapping[str, Any], title: str, path: Path) -> None:
    """Draw how often each bin of the confidence is right, and how full it is, to a PNG.

    Args:
        calibration: as ``calibration.calibration`` gives it, without NaN.
    """
    figure = _figure(title, 5.4, 5.4)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot([0.5, 1], [0.5, 1], color=PLAIN, linestyle="--", label="as often as it says")
    shown = [row for row in calibration["bins"] if not row["n_too_small"]]
    if shown:
        x, y = [row["mean_confidence"] for row in shown], [row["accuracy"] for row in shown]
        ece = f"ECE {calibration['ece']:.4f} ({_interval(calibration['ece_interval'], 4)})"
        _points(upper, x, y, [row["interval"] for row in shown], ece)
    upper.set(ylabel="right, with 95% interval", xlim=(0.49, 1.01))
    upper.legend(loc="upper left")
    bins = calibration["bins"]
    widths = [row["high"] - row["low"] for row in bins]
    lower.bar(
        [row["low"] for row in bins], [row["n"] for row in bins], widths, align="edge", color=LINE
    )
    lower.set(xlabel="confidence", ylabel="pictures")
    lower.yaxis.set_major_formatter("{x:,.0f}")
    figure.savefig(path, format="png")


def risk_coverage(measured: Mapping[str, Any], title: str, path: Path) -> None:
    """Draw the error among the most confident answers over their share, to a PNG.

    Args:
        measured: as ``calibration.risk_coverage`` gives it, without NaN.
    """
    figure = _figure(title, 5.4, 4.2)
    axes = figure.subplots()
    curve, at = measured["curve"], measured["at"]
    aurc = f"AURC {measured['aurc']:.4f} ({_interval(measured['aurc_interval'], 4)})"
    axes.plot(_percent(curve["coverage"]), _percent(curve["error"]), color=LINE, label=aurc)
    _points(
        axes,
        _percent(row["coverage"] for row in at),
        _percent(row["error"] for row in at),
        [_percent(row["interval"]) for row in at],
    )
    axes.set(xlabel="answered, %", ylabel="error of these, %", xlim=(0, 101), ylim=(0, None))
    axes.legend(loc="upper left")
    figure.savefig(path, format="png")


def face_sizes(
    curve: Sequence[Mapping[str, Any]],
    others: Sequence[Mapping[str, Any]],
    title: str,
    path: Path,
) -> None:
    """Draw accuracy over the size of the face, beside what others published, to a PNG.

    Args:
        curve, others: as ``face_sizes.curve`` and ``face_sizes.published`` give them.
    """
    figure = _figure(title, 6.4, 4.2)
    axes = figure.subplots()
    for other in others:
        x, y, name = other["face_px"], _percent(other["accuracy"]), f"{other['name']}, published"
        axes.plot(x, y, color=PLAIN, linestyle="--", marker=".", label=name)
    x, y = [row["face_px"] for row in curve], _percent(row["accuracy"] for row in curve)
    _points(axes, x, y, [_percent(row["interval"]) for row in curve], "measured, 95% interval", "-")
    axes.set_xscale("log")
    ticks = sorted({size for line in (*others, {"face_px": x}) for size in line["face_px"]})
    axes.set_xticks(ticks, ticks)
    axes.minorticks_off()
    axes.set(xlabel="face, pixels across", ylabel="accuracy, %")
    axes.legend(loc="lower right")
    figure.savefig(path, format="png")


def _figure(title: str, width: float, height: float) -> Any:
    figure = require("matplotlib.figure", "eval").Figure(
        figsize=(width, height), dpi=150, layout="constrained"
    )
    figure.suptitle(title, parse_math=False, fontsize="medium", wrap=True)
    return figure


def _points(
    axes: Any,
    x: Sequence[float],
    y: Sequence[float],
    intervals: Sequence[Sequence[float]],
    label: str | None = None,
    line: str = "",
) -> None:
    below = [value - low for value, (low, _) in zip(y, intervals, strict=True)]
    above = [high - value for value, (_, high) in zip(y, intervals, strict=True)]
    axes.errorbar(
        x, y, (below, above), color=LINE, marker="o", linestyle=line, capsize=3, label=label
    )
    axes.grid(alpha=0.25)


def _percent(shares: Iterable[float]) -> list[float]:
    return [100 * share for share in shares]


def _interval(ends: Sequence[float], places: int) -> str:
    return "-".join(f"{end:.{places}f}" for end in ends)


def histogram(edges: Sequence[float], series: Mapping[str, Sequence[int]], across: str) -> str:
    """Draw counts over bins, one outline a series over the others, as SVG for a page.

    Args:
        edges: (bins + 1,), ascending.
        series: (bins,) counts by name; a label has its colour.
        across: what the bins divide, with its unit.
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
    """Draw counts by name as lying bars, the series one after the other, as SVG for a page.

    Args:
        series: (names,) counts by name; a label has its colour.
        across: what is counted.
    """
    with drawing(height=0.75 + 0.27 * len(names)) as figure:
        axes = figure.subplots()
        # A name that comes twice is a bar of its own each time, so the bars are numbered.
        places, left = range(len(names)), [0] * len(names)
        for name, counts in series.items():
            colour = SERIES_COLOURS.get(name, PLAIN)
            drawn = axes.barh(
                places, counts, 0.72, left, color=colour, label=name, clip_on=False, alpha=0.85
            )
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
    ink = ("axes.edgecolor", "axes.labelcolor", "grid.color", "text.color")
    ticks = ("xtick.color", "ytick.color")
    style = {
        **dict.fromkeys((*ink, *ticks), INK),
        "axes.axisbelow": True,
        "axes.spines.left": False,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "font.size": 10,
        "legend.frameon": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "genderscope",
        "text.parse_math": False,  # a group may be named $
        # Tick marks and clipping would be shared by their ids, which a page has once.
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
