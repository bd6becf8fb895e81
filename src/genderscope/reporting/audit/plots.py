"""Shares of any groups as drawings for a page."""

from collections.abc import Mapping, Sequence

from genderscope.reporting.plots import INK, LINE, PLAIN, as_svg, drawing

PART_COLOURS = ("#9fc5e3", "#d9d9d9", "#ef9a62")


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
