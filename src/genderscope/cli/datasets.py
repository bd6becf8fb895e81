"""``genderscope datasets``: the data sets that can be read, and their layout on disk."""

from typing import Annotated

import typer

PANEL = "Data"


def datasets(
    as_json: Annotated[bool, typer.Option("--json", help="Write the list as JSON.")] = False,
) -> None:
    """List the data sets that can be read, and their layouts.

    Other commands take a data set as its name and path, such as fairface:DIR.
    """
    import json

    from rich.console import Console
    from rich.table import Table

    from genderscope.core import plugins

    known = [
        {
            "name": name,
            "title": reader.TITLE,
            "pictures": reader.SIZE,
            "splits": list(reader.SPLITS),
            "labels": reader.LABELS,
            "licence": reader.LICENCE,
            "where": reader.WHERE,
            "layout": reader.LAYOUT,
        }
        for name in plugins.names("data.datasets")
        for reader in [plugins.load("data.datasets", name)]
    ]
    if as_json:
        typer.echo(json.dumps(known, indent=2))
        return
    console = Console(markup=False, highlight=False)
    table = Table("name", "pictures", "splits", "labels", "licence")
    table.columns[1].justify = "right"
    for entry in known:
        size = "-" if entry["pictures"] is None else f"{entry['pictures']:,}"
        splits = ", ".join(entry["splits"])
        table.add_row(entry["name"], size, splits, entry["labels"], entry["licence"])
    console.print(table)
    for entry in known:
        console.print(f"\n{entry['name']}: {entry['title']}, {entry['where']}", soft_wrap=True)
        console.print(entry["layout"], soft_wrap=True)
