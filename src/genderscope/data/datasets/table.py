"""Your own pictures in a table, CSV or Parquet, with the columns ``file`` and ``label``.

Other names are told in the source, ``table:FILE?file=path&label=gender``, as are the columns that
are not read unless they are named: ``identity=person`` and ``age=years``. Files are relative to the
table. A label is woman, man, female, male, f or m, in any case, or empty where it is not known.
Every further column becomes a group.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from genderscope.core.errors import DatasetError
from genderscope.core.extras import require
from genderscope.core.types import Sample
from genderscope.data.datasets import folder
from genderscope.data.datasets._labels import OneLabelEach

TITLE = "Your own table"
SIZE = None
SPLITS = ("all",)
LABELS = "its columns"
LICENCE = "not stated"
WHERE = "yours"
LAYOUT = """\
FILE                  .csv in UTF-8 with a header, or .parquet; files are relative to it:
  file,label,light
  faces/1.jpg,woman,dim
other columns' names: table:FILE?file=path&label=gender&identity=person&age=years"""
WORDS = folder.WORDS | {"f": 0, "m": 1, "": None}

Row = tuple[str, dict[str, str]]
"""Where a row stands in its table, such as ``line 3``, and its fields."""


def read(
    root: Path,
    split: str,
    *,
    file: str = "file",
    label: str = "label",
    identity: str | None = None,
    age: str | None = None,
) -> Iterator[Sample]:
    """Stream the table's rows in their order.

    Args:
        root: the table; Parquet if its name ends in ``.parquet``, else CSV.
        file, label, identity, age: the columns' names.

    Raises:
        DatasetError: there is no such table or column, a row of it cannot be meant, or two rows
            give a picture different labels.
    """
    if split not in SPLITS:
        raise DatasetError(f"a table has no split {split!r}; there is: {', '.join(SPLITS)}")
    named = [name for name in (file, label, identity, age) if name is not None]
    one_label = OneLabelEach()
    for where, row in rows(root, named):
        word = row[label].strip().lower()
        if not row[file]:
            raise DatasetError(f"{root}, {where}: no file is named")
        if word not in WORDS:
            known = ", ".join(filter(None, WORDS))
            raise DatasetError(
                f"{root}, {where}: label {row[label]!r} is unknown; there are: {known}"
            )
        picture = root.parent / row[file]
        one_label.check(picture, WORDS[word], root, where)
        try:
            years = float(row[age]) if age and row[age] else None
        except ValueError as error:
            raise DatasetError(f"{root}, {where}: age {row[age or '']!r} is no number") from error
        yield Sample(
            picture,
            WORDS[word],
            identity=row[identity] or None if identity else None,
            age=years,
            groups={name: value for name, value in row.items() if name not in named},
        )


def rows(root: Path, named: list[str]) -> Iterator[Row]:
    """Stream a table's rows as they are, each with where it stands.

    Args:
        root: Parquet if its name ends in ``.parquet``, else CSV.
        named: columns that it must have.

    Raises:
        DatasetError: there is no such table or column, or it cannot be read.
    """
    if not root.is_file():
        raise DatasetError(f"{root} is not a file; a table is a CSV or Parquet")
    yield from (_parquet if root.suffix.lower() == ".parquet" else _csv)(root, named)


def _csv(root: Path, named: list[str]) -> Iterator[Row]:
    try:
        with root.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            _demand(root, named, reader.fieldnames or [])
            for row in reader:
                if None in row or None in row.values():
                    raise DatasetError(
                        f"{root}, line {reader.line_num}: not as many fields as the header has"
                    )
                yield f"line {reader.line_num}", row
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{root} is not a CSV in UTF-8: {error}") from error


def _parquet(root: Path, named: list[str]) -> Iterator[Row]:
    parquet = require("pyarrow.parquet", "eval")
    try:
        with parquet.ParquetFile(root) as table:
            _demand(root, named, table.schema_arrow.names)
            number = 0
            for batch in table.iter_batches(batch_size=10_000):
                for row in batch.to_pylist():
                    number += 1
                    fields = {
                        name: "" if value is None else str(value) for name, value in row.items()
                    }
                    yield f"row {number}", fields
    except (OSError, ValueError) as error:  # Arrow's own errors are among these
        raise DatasetError(f"{root} is no whole Parquet file: {error}") from error


def _demand(root: Path, named: list[str], there: Sequence[str]) -> None:
    if missing := [name for name in named if name not in there]:
        raise DatasetError(
            f"{root} lacks the columns {', '.join(missing)}; it has: {', '.join(there) or 'none'}"
        )
