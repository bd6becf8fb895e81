"""HTML pages: the API, the limits of its answers, and Markdown such as a model's card."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Beside this file in a wheel, in docs in the repository.
LIMITS = (Path(__file__).with_name("limits.md"), Path(__file__).parents[3] / "docs" / "limits.md")
HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>genderscope API</title>
<link rel="icon" href="web/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="web/style.css">
<link rel="stylesheet" href="web/work.css">
<link rel="stylesheet" href="web/card.css">
<header><a href="./">Back to the page</a></header>
<main class="prose">
"""
WIDE = '<div class="wide" tabindex="0" role="group" aria-label="Table"><table>'


def limits() -> str:
    """docs/limits.md as HTML, without its links to other documents."""
    file = next(filter(Path.is_file, LIMITS))
    text = re.sub(r"<!--.*?-->\n", "", file.read_text(encoding="utf-8"))
    return html(re.sub(r"\[([^]]+)\]\((?!https?:)[^)]+\)", r"\1", text))


def page(api: Any) -> str:  # an OpenAPI document
    """The operations of an API as a page that loads nothing from elsewhere."""
    body = html("\n".join(_lines(api))).replace("h2>", "h1>").replace("h3>", "h2>")
    return f"{HEAD}{body}</main></html>"


def _lines(api: Any) -> Iterator[str]:
    yield f"# {api['info']['title']} {api['info']['version']} API"
    yield f"\n{api['info']['description']} For programs: [openapi.json](openapi.json)."
    for path, operations in api["paths"].items():
        for method, operation in operations.items():
            yield f"\n## {method.upper()} {path}\n\n{operation.get('description', '')}\n"
            if parameters := operation.get("parameters"):
                yield "| parameter | meaning |\n|---|---|"
                for each in parameters:
                    meaning = each.get("description") or each["schema"].get("description") or ""
                    yield f"| `{each['name']}` | {meaning} |"
            if body := operation.get("requestBody"):
                yield f"\nBody: {body['description']}"
            responses = [
                f"{code} {of['description']}" for code, of in operation["responses"].items()
            ]
            yield f"\nResponses: {'; '.join(responses)}"


def html(markdown: str) -> str:
    """Markdown with tables as HTML; HTML within it is escaped.

    Headings are one level lower, below the page's own. A table's first column is its header.
    """
    from markdown_it import MarkdownIt  # slow to import

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    first_cell = False
    for token in tokens:
        token.attrs.pop("style", None)  # the page's security policy refuses inline styles
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{int(token.tag[1]) + 1}"
        elif token.type == "th_open":
            token.attrSet("scope", "col")
        elif token.type == "tr_open":
            first_cell = True
        elif token.type == "td_open" and first_cell:
            token.tag = "th"
            token.attrSet("scope", "row")
        elif token.type == "td_close" and first_cell:
            token.tag, first_cell = "th", False
    rendered = str(parser.renderer.render(tokens, parser.options, {}))
    return rendered.replace("<table>", WIDE).replace("</table>", "</table></div>")
