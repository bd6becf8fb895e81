"""Text for people, and tables for a terminal. Imports nothing, so that ``--help`` is fast."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

NAME_WIDTH = 24
"""Columns of names, those that fold, are at least this wide or as wide as their longest word."""
UNLIMITED = 10_000


def printable(text: str) -> str:
    """Text on one line without control characters, safe to print: a path may hold anything."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )


def show(console: "Console", table: "Table") -> None:
    """Print a table: wrapped at spaces on a terminal, elsewhere plain and unwrapped."""
    for column in table.columns:
        words = [word for cell in (column.header, *column.cells) for word in str(cell).split()]
        longest = max(map(len, words), default=0)
        column.min_width = min(longest, NAME_WIDTH) if column.overflow == "fold" else longest
    if not console.is_terminal:
        table.box = None
        console.width = UNLIMITED
    console.print(table, crop=False)


def percent(share: float, digits: int = 0) -> str:
    """A share in percent; only a whole is 100%."""
    most = 100 if share >= 1 else 100 - 10**-digits
    return f"{min(100 * share, most):.{digits}f}%"
