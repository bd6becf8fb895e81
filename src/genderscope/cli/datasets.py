from typing import Annotated

from typer import Option, echo

from genderscope.cli import _output
from genderscope.cli._options import expanded

PANEL = "Data"


@expanded
def datasets(as_json: Annotated[bool, Option("--json")] = False) -> None:
    """List the supported data sets and their layouts.

    Other commands take a data set as its name and path, such as fairface:DIR.

    Args:
        as_json: print JSON.
    """
    import json

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
        echo(json.dumps(entries, indent=2))
        return
    table = Table("name", "pictures", "splits")
    table.columns[1].justify = "right"
    for name, module in readers.items():
        size = "-" if module.SIZE is None else f"{module.SIZE:,}"
        table.add_row(name, size, ", ".join(module.SPLITS))
    _output.show(table)
    for name, module in readers.items():
        echo(f"\n{name}: {module.TITLE}\n{module.WHERE}")
        echo(f"Labels: {module.LABELS}\nLicence: {module.LICENCE}\n{module.LAYOUT}")
