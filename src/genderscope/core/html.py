"""HTML tables of results, for notebooks."""

from collections.abc import Iterable
from html import escape


def table(caption: str, head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """An HTML table of values as text."""

    def row(tag: str, values: Iterable[object]) -> str:
        cells = "".join(f"<{tag}>{escape(str(value))}</{tag}>" for value in values)
        return f"<tr>{cells}</tr>"

    body = "".join(row("td", values) for values in rows)
    return (
        f"<table><caption>{escape(caption)}</caption><thead>{row('th', head)}</thead>"
        f"<tbody>{body}</tbody></table>"
    )
