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
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draw.")] = 0,
    split: Annotated[
        str | None, typer.Option(help="Split to divide.  [default: the data set's first]")
    ] = None,
) -> None:
    """Split a data set so that no person is in two splits.

    The classes have the same shares in every split; pictures without a label are left out. Writes
    train.csv, validation.csv and test.csv, which are data sets
    (table:DIR/train.csv?identity=identity), and splits.json. Needs the extra [eval].
    """
    from rich.console import Console
    from rich.table import Table

    from genderscope.cli import _provenance
    from genderscope.core.types import LABELS
    from genderscope.data import datasets, splits

    samples = datasets.read(source, datasets.split_of(source, split, "first"))
    shares = {"test": test, "validation": validation}
    made_by = _provenance.of("numpy", "scikit-learn", seed=seed)
    result = splits.write(samples, shares, source, out, made_by)
    table = Table("part", "pictures", *LABELS, "identities")
    for name, part in result.parts.items():
        counts = (part.pictures, *part.labels.values(), part.identities)
        table.add_row(name, *(f"{count:,}" for count in counts))
    console = Console(markup=False, highlight=False)
    console.print(table)
    if result.unlabelled:
        console.print(f"{result.unlabelled:,} pictures without a label are left out")
