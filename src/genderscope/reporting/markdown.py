"""A report as Markdown, from the same blocks as its page; of a figure, what it shows in words.

All text is escaped. Knows nothing of what it reports.
"""

import re
from collections.abc import Iterable, Sequence

from genderscope.reporting.page import Block, Figure, Items, Link, Section, Sheet, Table

SPECIAL = re.compile(r"([\\\\`*_{}\[\]<>#|~$&])")
START = re.compile(r"^(\d*)([-+=.)])(?=\s|$)")


def document(title: str, introduction: Iterable[Block], sections: Sequence[Section]) -> str:
    """A whole document, to be written in UTF-8."""
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
            lines = [names, ["---", *["--:"] * (len(head) - 1)], *cells]
            table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
            return f"{_plain(caption)}\n\n{table}" if caption else table
        case Figure(_, description, caption):
            return f"Figure: {'. '.join(_plain(text) for text in (description, caption) if text)}"
        case Sheet(pictures, caption):
            return f"Figure: {len(pictures)} pictures. {_plain(caption)}"


def _plain(text: str) -> str:
    """One line that means itself."""
    escaped = SPECIAL.sub(r"\\\1", " ".join(text.split()))
    return START.sub(r"\1\\\2", escaped)
