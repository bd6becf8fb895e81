"""Tables that fit, and percentages that do not exaggerate."""

from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table

from genderscope.core.terminal import percent, show


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [(0.995, 0, "99%"), (0.9999, 1, "99.9%"), (1, 0, "100%"), (0.947, 0, "95%"), (0, 1, "0.0%")],
)
def test_only_a_whole_is_100_percent(share: float, digits: int, text: str) -> None:
    assert percent(share, digits) == text


@pytest.mark.parametrize("terminal", [True, False])
def test_tables_break_at_spaces_only_and_are_plain_in_a_pipe(terminal: bool) -> None:
    table = Table(
        "% (95% interval)", "n", "ECE", "recall, woman", "answered *", "accuracy of these"
    )
    table.columns[0].overflow = "fold"
    table.add_row("  Southeast Asian", "234", *["100.0 (87.0-100.0)"] * 4)
    table.add_row("  Latino_Hispanic", "", "n too small")
    file = StringIO()
    show(Console(file=file, force_terminal=terminal, width=80, color_system=None), table)
    lines = file.getvalue().splitlines()
    words = {word for line in lines for word in line.split()}
    assert {"Latino_Hispanic", "interval)", "accuracy", "(87.0-100.0)"} <= words
    assert any(line.lstrip().startswith("Southeast Asian  234") for line in lines)
    assert max(map(len, lines)) <= 80 if terminal else len(lines) == 3
