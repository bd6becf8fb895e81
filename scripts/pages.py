"""A hook of MkDocs: links to files outside docs/, and what pages show of the package itself."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from typer.cli import get_docs_for_click

from genderscope.cli import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
LINK = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)#\s]+)")
PAGES = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "deploy/README.md",
    "examples/README.md",
)
"""Pages of the site that lie outside of docs/."""
INSTEAD = {ROOT / "README.md": "index.md", DOCS / "schemas": "formats.md"}
"""Pages of the site that stand for a file or a folder of the repository."""
ENTRY = re.compile(r"^    (\S.*(?:\n {5,}.*)*)", re.MULTILINE)
"""An entry of a docstring's attributes, with its further lines."""


def place(file: Path) -> str:
    """Where a file of the repository lies in the site."""
    return file.relative_to(DOCS if file.is_relative_to(DOCS) else ROOT).as_posix()


def linked(page: Path) -> set[Path]:
    """The files that a page links to."""
    targets = {(page.parent / link).resolve() for link in LINK.findall(page.read_text())}
    return {target for target in targets if target.is_file()}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what pages link to outside of docs/."""
    pages = [*DOCS.rglob("*.md"), *(ROOT / name for name in PAGES)]
    outside = {file for page in pages for file in (page, *linked(page))}
    for file in sorted(outside):
        if not file.is_relative_to(DOCS) and (file.suffix != ".md" or place(file) in PAGES):
            files.append(File.generated(config, place(file), abs_src_path=str(file)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Lead each link to where its file lies in the site, and fill in what is made here."""
    source = Path(page.file.abs_src_path or DOCS / page.file.src_uri)

    def lead(match: re.Match[str]) -> str:
        target = (source.parent / match[1]).resolve()
        if target.is_dir() and target not in INSTEAD:
            return match[1]
        uri = INSTEAD.get(target) or place(target)
        return os.path.relpath(uri, Path(page.file.src_uri).parent)

    for name, made in (("commands", commands), ("formats", formats)):
        if (mark := f"<!-- {name} -->") in markdown:
            markdown = markdown.replace(mark, made())
    return LINK.sub(lead, markdown)


def on_post_page(output: str, **_: Any) -> str:
    """Name the search dialogue, and make menus within menus groups rather than landmarks."""
    inner: list[bool] = []

    def change(match: re.Match[str]) -> str:
        if match[0] == "</nav>":
            return "</div>" if inner.pop() else match[0]
        inner.append(re.search(r'data-md-level="[1-9]"', match[0]) is not None)
        return match[0].replace("<nav", '<div role="group"') if inner[-1] else match[0]

    output = output.replace('role="dialog"', 'role="dialog" aria-label="Search"')
    return re.sub(r"<nav\b[^>]*>|</nav>", change, output)


def commands() -> str:
    """The help of every command."""
    group = typer.main.get_command(app)
    context = typer.Context(group, info_name="genderscope")
    return get_docs_for_click(obj=group, ctx=context, name="genderscope", indent=1)


def formats() -> str:
    """The fields of every result file, from its JSON Schema."""
    parts = []
    for file in sorted((DOCS / "schemas").glob("*.json")):
        schema = json.loads(file.read_text())
        types = schema["$defs"]
        root = types[schema["$ref"].rpartition("/")[2]]
        summary, _, notes = root.get("description", "").partition("\n\nAttributes:\n")
        parts += [f"## {file.stem}", f"{summary} [JSON Schema](schemas/{file.name})"]
        parts += ["\n".join(["| field | type |", "|---|---|", *fields(root)])]
        parts += ["\n".join(f"- {' '.join(note.split())}" for note in ENTRY.findall(notes))]
    return "\n\n".join(parts).replace("``", "`")


def fields(definition: dict[str, Any]) -> Iterator[str]:
    """The rows of a table of a type's fields."""
    for name, kind in definition["properties"].items():
        yield f"| `{name}` | {words(kind)} |"


def words(kind: dict[str, Any]) -> str:
    """A type of JSON Schema in words."""
    match kind:
        case {"const": value}:
            return f"`{json.dumps(value)}`"
        case {"$ref": reference}:
            return f"`{reference.rpartition('/')[2]}`"
        case {"anyOf": kinds}:
            return " or ".join(map(words, kinds))
        case {"type": "array", "items": dict(items)}:
            return f"array of {words(items)}"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"object of {words(values)}"
        case {"enum": values}:
            return " or ".join(f"`{value}`" for value in values)
    return str(kind.get("type", "any"))
