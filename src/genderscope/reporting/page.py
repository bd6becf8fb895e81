"""A report as one HTML file: sentences, lists, tables, figures; without scripts or external files.

All text is escaped, but not SVG drawings: pass only your own. The page follows the reader's light
or dark theme, as does a drawing that uses ``currentColor``.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from genderscope.reporting.templates import Filter, render


@dataclass(frozen=True, slots=True)
class Items:
    """A list of sentences."""

    sentences: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts; the first of each names its row, the others are numbers."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.head) for row in self.rows):
            raise ValueError(f"each row has as many cells as the head {self.head}: {self.rows}")


@dataclass(frozen=True, slots=True)
class Figure:
    """``<svg>`` text or an encoded PNG or JPEG, with a description for those who do not see it."""

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
    """A reference to follow by hand; the page itself fetches nothing."""

    text: str
    address: str

    def __post_init__(self) -> None:
        if not self.address.startswith(("https://", "http://")):
            raise ValueError(f"a link leads to https:// or http://, not {self.address!r}")


Block = str | Items | Table | Figure | Sheet | Link
"""What a section is made of; a plain text is a paragraph."""


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    blocks: Sequence[Block]


def page(title: str, introduction: Iterable[Block], sections: Sequence[Section]) -> str:
    """A whole HTML document, to be written in UTF-8."""
    filters: dict[str, Filter] = {
        "kind": lambda block: type(block).__name__,
        "data_url": _data_url,
        "described": _described,
    }
    return render("page.html", filters, title=title, introduction=introduction, sections=sections)


def _data_url(picture: bytes) -> str:
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{b64encode(picture).decode()}"


def _described(drawing: str, description: str) -> str:
    """An SVG drawing with what it shows, for those who do not see it."""
    label = f'<svg role="img" aria-label="{escape(description)}"'
    return drawing.strip().replace("<svg", label, 1)
