"""``genderscope split``: training, validation and test splits without shared persons."""

from pathlib import Path
from typing import Annotated

import typer

PANEL = "Data"


def split(
    source: Annotated[str, typer.Argument(metavar="NAME:PATH", help="Such as lfw:DIR.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Write the tables here.")],
    validation: Annotated[float, typer.Option(help="Share of the labelled pictures.")] = 0.1,
    test: Annotated[float, typer.Option(help="Share of the labelled pictures.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    split: Annotated[
        str | None, typer.Option(help="Split to divide.  [default: the data set's first]")
    ] = None,
) -> None:
    """Split a data set so that no person is in two splits.

    Writes train.csv, validation.csv and test.csv, which are data sets themselves
    (table:DIR/train.csv?identity=identity), and splits.json with their counts and SHA-256.
    Pictures without a label are left out. Needs the extra [eval].
    """
    from rich.console import Console
    from rich.table import Table

    from genderscope.core.types import LABELS
    from genderscope.data import datasets, splits

    samples = datasets.read(source, datasets.split_of(source, split, "first"))
    shares = {"test": test, "validation": validation}
    record = splits.write(samples, shares, seed, source, out)
    columns = ("pictures", *LABELS, "identities")
    table = Table("part", *columns)
    for name, counts in record["parts"].items():
        table.add_row(name, *(f"{counts[column]:,}" for column in columns))
    console = Console(markup=False, highlight=False)
    console.print(table)
    if left := record["without_a_label"]:
        console.print(f"{left:,} pictures without a label are left out")
