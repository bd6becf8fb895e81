"""A report as one HTML file: sentences, lists, tables, figures. No script, nothing from elsewhere.

All text is escaped; only an SVG drawing goes in as it is, so draw it yourself. The page follows the
reader's light or dark theme, and so does a drawing that uses ``currentColor``. Knows nothing of
what it reports.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """\
:root { color-scheme: light dark;
  --ground: light-dark(#f6f6f4, #16181b); --card: light-dark(#fff, #1f2226);
  --ink: light-dark(#1d2023, #e6e6e3); --soft: light-dark(#585c61, #a3a7ac);
  --line: light-dark(#ddddda, #363a40); --link: light-dark(#0b5cad, #7db8f0) }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif }
main { max-width: 54rem; margin: 0 auto; padding: 2rem 1.25rem 4rem }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem; overflow-wrap: anywhere }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 .75rem }
a { color: var(--link) }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; list-style: none; padding: 0;
  margin: 1rem 0 0; font-size: .95rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1.25rem 1.4rem; margin-top: 1.25rem }
section > :last-child { margin-bottom: 0 }
p, li { max-width: 46rem; overflow-wrap: anywhere }
p, section ul { margin: 0 0 .9rem }
section ul { padding-left: 1.2rem }
section li + li { margin-top: .4rem }
figure { margin: 0 0 1.1rem; overflow-x: auto }
figure > svg, figure > img { display: block; max-width: 100%; height: auto }
figure > svg { min-width: 30rem }
figure svg text { font-family: inherit !important }
figcaption, caption { color: var(--soft); font-size: .9rem; text-align: left }
figcaption { margin-top: .4rem }
caption { padding-bottom: .3rem }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(4.5rem, 1fr)); gap: .3rem }
.sheet img { display: block; width: 100%; border-radius: .25rem }
.wide { overflow-x: auto; margin-bottom: 1.1rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .95rem }
th, td { padding: .3rem 1.5rem .3rem 0; text-align: right; border-bottom: 1px solid var(--line) }
th:first-child { text-align: left; font-weight: 500 }
thead th { color: var(--soft); font-weight: 500; vertical-align: bottom }
@media print { section { break-inside: avoid } }
"""


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
    """A picture.

    Attributes:
        picture: a drawing as ``<svg>`` text, or an encoded PNG or JPEG.
        description: what it shows, for those who do not see it.
    """

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
    numbered = list(enumerate(sections, start=1))
    contents = "".join(
        f'<li><a href="#section-{number}">{escape(section.title)}</a></li>'
        for number, section in numbered
    )
    body = "\n".join(
        f'<section id="section-{number}">\n<h2>{escape(section.title)}</h2>\n'
        f"{_blocks(section.blocks)}\n</section>"
        for number, section in numbered
    )
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{STYLE}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
{_blocks(introduction)}
<nav aria-label="Contents"><ul>{contents}</ul></nav>
{body}
</main>
</body>
</html>
"""


def _blocks(blocks: Iterable[Block]) -> str:
    return "\n".join(map(_block, blocks))


def _block(block: Block) -> str:
    match block:
        case str():
            return f"<p>{escape(block)}</p>"
        case Link(text, address):
            return f'<p><a href="{escape(address)}" rel="noreferrer">{escape(text)}</a></p>'
        case Items(sentences):
            return f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in sentences)}</ul>"
        case Table():
            return _table(block)
        case Figure(picture, description, caption):
            return _figure(_image(picture, description), caption)
        case Sheet(pictures, caption):
            images = "".join(_image(encoded, description) for encoded, description in pictures)
            return _figure(f'<div class="sheet">{images}</div>', caption)


def _figure(content: str, caption: str) -> str:
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{content}{below}</figure>"


def _image(picture: str | bytes, description: str) -> str:
    name = escape(description)
    if isinstance(picture, str):
        return picture.strip().replace("<svg", f'<svg role="img" aria-label="{name}"', 1)
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    data = b64encode(picture).decode()
    return f'<img src="data:image/{kind};base64,{data}" alt="{name}" title="{name}">'


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in table.head)
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, *cells in table.rows
    )
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    return (
        f'<div class="wide"><table>{caption}<thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
