from pathlib import Path
from typing import Annotated

from typer import Argument, Option, echo

from genderscope.cli import _options, _output, _provenance

PANEL = "Data"


@_options.expanded
def split(
    source: Annotated[str, Argument(metavar="NAME:PATH")],
    out: Annotated[
        Path,
        Option(metavar="DIR"),
        _options.Output("splits.json", more=("train.csv", "validation.csv", "test.csv")),
    ],
    validation: float = 0.1,
    test: float = 0.1,
    seed: _options.Seed = 0,
    split: str | None = None,
) -> None:
    """Split a data set into parts without shared identities.

    Splits are stratified by class; unlabelled pictures are left out. Writes splits.json, and
    train.csv, validation.csv and test.csv, which are data sets
    (table:DIR/train.csv?identity=identity, with &age=age_years if ages are known). Needs the extra
    [eval].

    Args:
        source: data set, such as lfw:DIR.
        out: output folder for the tables.
        validation: share of labelled pictures for validation.
        test: share of labelled pictures for testing.
        seed: random seed of the split.
        split: split to divide.  [default: the first one]
    """
    from rich.table import Table

    from genderscope.core.types import LABELS
    from genderscope.data import datasets, splits

    samples = datasets.read(source, datasets.split_of(source, split, "first"))
    shares = {"test": test, "validation": validation}
    made_by = _provenance.of("numpy", "scikit-learn", seed=seed)
    result = splits.write(samples, shares, source, out, made_by, overwrite=True)
    table = Table("part", "pictures", *LABELS, "identities")
    for name, part in result.parts.items():
        counts = (part.pictures, *part.labels.values(), part.identities)
        table.add_row(name, *(f"{count:,}" for count in counts))
    _output.show(table)
    if result.unlabelled:
        echo(f"{result.unlabelled:,} pictures without a label were left out")
