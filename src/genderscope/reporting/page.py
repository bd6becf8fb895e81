"""A report as one HTML file without scripts or external files, or as Markdown.

All text is escaped. SVG drawings are not: pass only trusted ones. The page follows the reader's
light or dark theme, as does a drawing that uses ``currentColor``.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from genderscope.core.extras import require

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&])")
LIST_MARKER = re.compile(r"^(\d*)([-+=.)])(?=\s|$)")
Filter = Callable[..., Any]  # arguments and results depend on the template


@dataclass(frozen=True, slots=True)
class Items:
    """A bulleted list of sentences."""

    sentences: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text cells; the first cell names the row, the others hold numbers."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.head) for row in self.rows):
            raise ValueError(
                f"each row must have {len(self.head)} cells, as {self.head}: {self.rows}"
            )


@dataclass(frozen=True, slots=True)
class Figure:
    """``<svg>`` text or an encoded PNG or JPEG; ``description`` is its text alternative."""

    picture: str | bytes
    description: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Small pictures side by side, each an encoded PNG or JPEG with its description."""

    pictures: Sequence[tuple[bytes, str]]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A link for the reader; the page itself fetches nothing."""

    text: str
    address: str

    def __post_init__(self) -> None:
        if not self.address.startswith(("https://", "http://")):
            raise ValueError(f"a link must start with https:// or http://, not {self.address!r}")


Block = str | Items | Table | Figure | Sheet | Link
"""An element of a section; a plain string is a paragraph."""


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    blocks: Sequence[Block]


def page(title: str, introduction: Iterable[Block], sections: Sequence[Section]) -> str:
    """A complete HTML document, to be written in UTF-8."""
    filters: dict[str, Filter] = {
        "kind": lambda block: type(block).__name__,
        "data_url": _data_url,
        "described": _described,
    }
    return render("page.html", filters, title=title, introduction=introduction, sections=sections)


def render(template: str, filters: Mapping[str, Filter], **values: object) -> str:
    """Fill a Jinja2 template of ``reporting/templates``. ``.html`` templates escape all text. Needs
    the ``eval`` extra.
    """
    jinja = require("jinja2", "eval")
    environment = jinja.Environment(
        loader=jinja.PackageLoader("genderscope.reporting"),
        autoescape=jinja.select_autoescape(("html",)),
        undefined=jinja.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=template.endswith(".md"),
        lstrip_blocks=template.endswith(".md"),
    )
    environment.filters.update(filters)
    document: str = environment.get_template(template).render(values)
    return document


def _data_url(picture: bytes) -> str:
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{b64encode(picture).decode()}"


def _described(drawing: str, description: str) -> str:
    """An SVG drawing with its text alternative."""
    label = f'<svg role="img" aria-label="{escape(description)}"'
    return drawing.strip().replace("<svg", label, 1)


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table of escaped cells: a column of text, then columns of numbers."""
    align = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in (head, align, *rows))


def markdown(title: str, introduction: Iterable[Block], sections: Sequence[Section]) -> str:
    """The same report in Markdown, with all text escaped and figures replaced by descriptions."""
    parts = [f"# {_plain(title)}", *map(_block, introduction)]
    for section in sections:
        parts += [f"## {_plain(section.title)}", *map(_block, section.blocks)]
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> str:
    match block:
        case str():
            return _plain(block)
        case Link(text, address):
            encoded = address.replace("<", "%3C").replace(">", "%3E")
            return f"[{_plain(text)}](<{encoded}>)"
        case Items(sentences):
            return "\n".join(f"- {_plain(sentence)}" for sentence in sentences)
        case Table(head, rows, caption):
            names, *cells = [[_plain(cell) for cell in row] for row in (head, *rows)]
            table = markdown_table(names, cells)
            return f"{_plain(caption)}\n\n{table}" if caption else table
        case Figure(_, description, caption):
            return f"Figure: {'. '.join(_plain(text) for text in (description, caption) if text)}"
        case Sheet(pictures, caption):
            return f"Figure: {len(pictures)} pictures. {_plain(caption)}"


def _plain(text: str) -> str:
    """Text in one line, with Markdown's special characters escaped."""
    escaped = SPECIAL.sub(r"\\\1", " ".join(text.split()))
    return LIST_MARKER.sub(r"\1\\\2", escaped)
