"""``genderscope datasets``: the data sets that can be read, and their layout on disk."""

from typing import Annotated

import typer

PANEL = "Data"


def datasets(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the data sets that can be read, and their layouts.

    Other commands take a data set as its name and path, such as fairface:DIR.
    """
    import json

    from rich.console import Console
    from rich.table import Table

    from genderscope.data.datasets import names, reader

    readers = {name: reader(name) for name in names()}
    if as_json:
        entries = [
            {
                "name": name,
                "title": module.TITLE,
                "pictures": module.SIZE,
                "splits": module.SPLITS,
                "labels": module.LABELS,
                "licence": module.LICENCE,
                "where": module.WHERE,
                "layout": module.LAYOUT,
            }
            for name, module in readers.items()
        ]
        typer.echo(json.dumps(entries, indent=2))
        return
    console = Console(markup=False, highlight=False)
    table = Table("name", "pictures", "splits", "labels", "licence")
    table.columns[1].justify = "right"
    for name, module in readers.items():
        size = "-" if module.SIZE is None else f"{module.SIZE:,}"
        table.add_row(name, size, ", ".join(module.SPLITS), module.LABELS, module.LICENCE)
    console.print(table)
    for name, module in readers.items():
        console.print(f"\n{name}: {module.TITLE}, {module.WHERE}", soft_wrap=True)
        console.print(module.LAYOUT, soft_wrap=True)
