"""An MkDocs hook: links to files outside docs/, and pages generated from the package."""

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
"""Pages of the site from outside docs/."""
INSTEAD = {ROOT / "README.md": "index.md", DOCS / "schemas": "formats.md"}
"""Pages of the site that replace a file or a folder of the repository."""
ENTRY = re.compile(r"^    (\S.*(?:\n {5,}.*)*)", re.MULTILINE)
"""An entry of a docstring's attributes, with its continuation lines."""


def site_path(file: Path) -> str:
    """The path of a repository file in the site."""
    return file.relative_to(DOCS if file.is_relative_to(DOCS) else ROOT).as_posix()


def linked(page: Path) -> set[Path]:
    """The files that a page links to."""
    targets = {(page.parent / link).resolve() for link in LINK.findall(page.read_text())}
    return {target for target in targets if target.is_file()}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside docs/ and the files that pages link to."""
    pages = [*DOCS.rglob("*.md"), *(ROOT / name for name in PAGES)]
    outside = {file for page in pages for file in (page, *linked(page))}
    for file in sorted(outside):
        if not file.is_relative_to(DOCS) and (file.suffix != ".md" or site_path(file) in PAGES):
            files.append(File.generated(config, site_path(file), abs_src_path=str(file)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Rewrite links to paths in the site, and insert the generated parts."""
    source = Path(page.file.abs_src_path or DOCS / page.file.src_uri)

    def rewritten(match: re.Match[str]) -> str:
        target = (source.parent / match[1]).resolve()
        if target.is_dir() and target not in INSTEAD:
            return match[1]
        uri = INSTEAD.get(target) or site_path(target)
        return os.path.relpath(uri, Path(page.file.src_uri).parent)

    for name, generate in (("commands", commands), ("formats", formats)):
        if (marker := f"<!-- {name} -->") in markdown:
            markdown = markdown.replace(marker, generate())
    return LINK.sub(rewritten, markdown)


def on_post_page(output: str, **_: Any) -> str:
    """Label the search dialog, and turn nested menus from landmarks into groups."""
    nested: list[bool] = []

    def regrouped(match: re.Match[str]) -> str:
        if match[0] == "</nav>":
            return "</div>" if nested.pop() else match[0]
        nested.append(re.search(r'data-md-level="[1-9]"', match[0]) is not None)
        return match[0].replace("<nav", '<div role="group"') if nested[-1] else match[0]

    output = output.replace('role="dialog"', 'role="dialog" aria-label="Search"')
    return re.sub(r"<nav\b[^>]*>|</nav>", regrouped, output)


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
    """The table rows of a type's fields."""
    for name, schema in definition["properties"].items():
        yield f"| `{name}` | {type_name(schema)} |"


def type_name(schema: dict[str, Any]) -> str:
    """A JSON Schema type in words."""
    match schema:
        case {"const": value}:
            return f"`{json.dumps(value)}`"
        case {"$ref": reference}:
            return f"`{reference.rpartition('/')[2]}`"
        case {"anyOf": schemas}:
            return " or ".join(map(type_name, schemas))
        case {"type": "array", "items": dict(items)}:
            return f"array of {type_name(items)}"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"object of {type_name(values)}"
        case {"enum": values}:
            return " or ".join(f"`{value}`" for value in values)
    return str(schema.get("type", "any"))
