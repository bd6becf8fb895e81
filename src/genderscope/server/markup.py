"""Markdown as HTML for the page."""

from markdown_it import MarkdownIt

WIDE = '<div class="wide" tabindex="0" role="group" aria-label="Table"><table>'


def html(markdown: str) -> str:
    """Markdown with tables as HTML; HTML within it is escaped.

    Headings are one level lower, below the page's own. The first column of a table is its header.
    """
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
