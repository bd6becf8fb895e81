"""Markdown: tables, and reports from the same blocks as their pages, figures as descriptions."""

import re
from collections.abc import Iterable, Sequence

from genderscope.reporting.page import Block, Figure, Items, Link, Section, Sheet, Table

SPECIAL = re.compile(r"([\\\\`*_{}\[\]<>#|~$&])")
START = re.compile(r"^(\d*)([-+=.)])(?=\s|$)")


def table(
    head: Sequence[str], rows: Iterable[Sequence[object]], align: Sequence[str] | None = None
) -> str:
    """A table of Markdown cells; ``align`` is ``---`` or ``--:`` by column: text, then numbers."""
    align = align or ["---", *["--:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in (head, align, *rows))


def document(title: str, introduction: Iterable[Block], sections: Sequence[Section]) -> str:
    """A whole document, all text escaped."""
    parts = [f"# {_plain(title)}", *map(_block, introduction)]
    for section in sections:
        parts += [f"## {_plain(section.title)}", *map(_block, section.blocks)]
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> str:
    match block:
        case str():
            return _plain(block)
        case Link(text, address):
            closed = address.replace("<", "%3C").replace(">", "%3E")
            return f"[{_plain(text)}](<{closed}>)"
        case Items(sentences):
            return "\n".join(f"- {_plain(sentence)}" for sentence in sentences)
        case Table(head, rows, caption):
            names, *cells = [[_plain(cell) for cell in row] for row in (head, *rows)]
            below = table(names, cells)
            return f"{_plain(caption)}\n\n{below}" if caption else below
        case Figure(_, description, caption):
            return f"Figure: {'. '.join(_plain(text) for text in (description, caption) if text)}"
        case Sheet(pictures, caption):
            return f"Figure: {len(pictures)} pictures. {_plain(caption)}"


def _plain(text: str) -> str:
    """One line without Markdown's meanings."""
    escaped = SPECIAL.sub(r"\\\1", " ".join(text.split()))
    return START.sub(r"\1\\\2", escaped)
