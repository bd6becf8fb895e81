"""Text for people, and tables for a terminal. Imports nothing slow, so that ``--help`` is fast."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

NAME_WIDTH = 24
"""Columns that fold are at least this wide, or as wide as their longest word if it is shorter."""
UNLIMITED = 10_000


def printable(text: str) -> str:
    """Text on one line without control characters, safe to print: paths may hold any."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )


def show(console: "Console", table: "Table") -> None:
    """Print a table: wrapped at spaces on a terminal, elsewhere plain and unwrapped."""
    from rich import box
    from rich.cells import cell_len

    for column in table.columns:
        cells = [str(cell) for cell in (column.header, *column.cells)]
        words = [word for cell in cells for word in re.findall(r"^ *\S+|\S+", cell, re.M)]
        longest = max(map(len, words), default=0)
        width = NAME_WIDTH if column.overflow == "fold" else longest
        column.min_width = min(longest, width)
        # Rich would shrink these too, and then exceed the terminal's width.
        column.no_wrap = max(map(cell_len, "\n".join(cells).split("\n"))) <= width
    if console.is_terminal:  # two spaces between columns, and none around them
        table.box, table.padding, table.pad_edge = box.SIMPLE, (0, 1, 0, 0), False
        table.show_edge = False
        console.print()
    else:
        table.box = None
        console.width = UNLIMITED
    console.print(table, crop=False)


def percent(share: float, digits: int = 0) -> str:
    """A share in percent; only a share of 1 is shown as 100%."""
    limit = 100 if share >= 1 else 100 - 10**-digits
    return f"{min(100 * share, limit):.{digits}f}%"
