"""Numbers as pictures for a report. Knows nothing of where the numbers come from.

Figures are made by matplotlib's objects alone: ``pyplot`` would look for a screen.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genderscope.contracts import LABELS, require


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
    figure = require("matplotlib.figure", "eval").Figure(
        figsize=(8, 4.2), dpi=150, layout="constrained"
    )
    figure.suptitle(title, parse_math=False)
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
