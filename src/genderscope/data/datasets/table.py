"""Your own pictures in a table, CSV or Parquet, with the columns ``file`` and ``label``.

Options give other names, ``table:FILE?file=path&label=gender``, and the columns of identities and
ages: ``identity=person`` and ``age=years``. Files are relative to the table. A label is woman, man,
female, male, f or m, in any case, or empty where unknown. Other columns become groups.
"""

import csv
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import Any, Protocol

from genderscope.core.errors import DatasetError, UsageError
from genderscope.core.extras import require
from genderscope.core.types import Sample
from genderscope.data.datasets import folder
from genderscope.data.datasets._checks import OneLabelEach, check_split
from genderscope.inference.bulk import table_rows

TITLE = "Your own table"
SIZE = None
SPLITS = ("all",)
LABELS = "its columns"
LICENCE = "not stated"
WHERE = "yours"
LAYOUT = """\
FILE  .csv in UTF-8 with a header, or .parquet; files are relative to it:
  file,label,light
  faces/1.jpg,woman,dim
other columns: table:FILE?file=path&label=gender&identity=person&age=years"""
USUAL = {
    "file": ("path", "filename", "file_name", "image", "picture", "img", "name"),
    "label": ("gender", "sex", "truth", "class", "target"),
    "prediction": ("predicted", "pred", "predicted_label", "answer", "output"),
    "score": ("probability", "prob", "p", "p_man", "confidence"),
    "identity": ("person", "subject", "id"),
    "age": ("years",),
}
"""Usual names of columns, by the options that name them."""
WORDS = folder.WORDS | {"f": 0, "m": 1, "": None}

FRAME = Path("frame")
"""Stands for a table's file if the rows come from a frame."""


class DataFrame(Protocol):
    """The part of a pandas or Polars frame that is used."""

    @property
    def columns(self) -> Any: ...  # pandas' own type, or a list
    def __getitem__(self, name: Any, /) -> Any: ...


Row = tuple[str, dict[str, str]]
"""The place of a row in its table, such as ``line 3``, and its fields."""


def read(
    root: Path,
    split: str,
    *,
    file: str = "file",
    label: str = "label",
    identity: str | None = None,
    age: str | None = None,
) -> Iterator[Sample]:
    """Stream the table's rows in their order; ``file`` to ``age`` are names of columns.
    ``DatasetError`` if there is no such table or column, a row is not valid, or two rows label a
    picture differently.
    """
    check_split("a table", split, SPLITS)
    names = {"file": file, "label": label, "identity": identity, "age": age}
    columns = {option: name for option, name in names.items() if name is not None}
    yield from samples(root, rows(root, columns, f"table:{root}"), file, label, identity, age)


def samples(
    root: Path,
    rows: Iterable[Row],
    file: str = "file",
    label: str = "label",
    identity: str | None = None,
    age: str | None = None,
) -> Iterator[Sample]:
    """``read`` for rows of any origin, ``root`` in errors; files are relative to its folder."""
    columns = (file, label, identity, age)
    one_label = OneLabelEach()
    for where, row in rows:
        if not row[file]:
            raise DatasetError(f"{root}, {where}: the file name is empty")
        if "\0" in row[file]:
            raise DatasetError(f"{root}, {where}: the file name {row[file]!r} has a NUL character")
        picture = root.parent / posix(row[file])
        number = index(row[label], "label", WORDS, f"{root}, {where}")
        one_label.check(picture, number, root, where)
        years = _years(row[age], f"{root}, {where}") if age else None
        yield Sample(
            picture,
            number,
            identity=row[identity] or None if identity else None,
            age=years,
            groups={name: value for name, value in row.items() if name not in columns},
        )


def _years(text: str, where: str) -> float | None:
    """An age, None where empty; ``DatasetError`` if it is not a finite number."""
    if not text:
        return None
    with suppress(ValueError):
        if isfinite(years := float(text)):
            return years
    raise DatasetError(f"{where}: age {text!r} is not a number")


def index(text: str, column: str, words: Mapping[str, int | None], where: str) -> int | None:
    """The value of a word, in any case; ``DatasetError`` if it is none of ``words``."""
    if (word := text.strip().lower()) not in words:
        available = ", ".join(filter(None, words))
        raise DatasetError(f"{where}: {column} {text!r} is unknown; there are: {available}")
    return words[word]


def posix(file: str) -> str:
    """A portable path; a path with backslashes only is a Windows path."""
    return file if "/" in file else file.replace("\\", "/")


def rows(
    root: Path, columns: Mapping[str, str], source: str = "", one_of: Sequence[str] = ()
) -> Iterator[Row]:
    """Stream the rows of a table, Parquet by its suffix, else CSV, each with its place. It must
    have ``columns``, by the options that name them, and one of ``one_of``. ``source``, if options
    can follow it, is used in the error for missing ones. ``DatasetError`` if a column is missing, a
    column or row is repeated, or the table cannot be read.
    """
    if not root.is_file():
        raise DatasetError(f"{root} is not a file; a table is CSV or Parquet")
    read = _parquet if root.suffix.lower() == ".parquet" else _csv
    yield from _unique(root, read(root, partial(_check_columns, root, columns, source, one_of)))


def _unique(root: Path, rows: Iterable[Row]) -> Iterator[Row]:
    """The rows; ``DatasetError`` if one occurs twice."""
    seen: dict[int, str] = {}
    for where, row in rows:
        if (first := seen.setdefault(hash(tuple(row.values())), where)) != where:
            raise DatasetError(f"{root}, {where}: repeats {first}; drop one of them")
        yield where, row


def of_frame(frame: DataFrame, columns: Sequence[str], one_of: Sequence[str] = ()) -> Iterator[Row]:
    """The rows of a frame, as text; errors as ``rows``, and ``UsageError`` for other types."""
    if not (hasattr(frame, "__len__") and hasattr(frame, "columns")):  # a LazyFrame has no length
        raise UsageError(
            f"the table is a pandas or Polars frame, or its name, not {type(frame).__name__}"
        )
    names = [str(name) for name in frame.columns]
    _check_columns(FRAME, dict(zip(columns, columns, strict=True)), "", one_of, names)
    values = [map(_text, frame[name]) for name in frame.columns]
    rows = (dict(zip(names, row, strict=True)) for row in zip(*values, strict=True))
    yield from _unique(FRAME, ((f"row {number}", row) for number, row in enumerate(rows, start=1)))


def _text(value: object) -> str:
    text = "" if value is None else str(value)
    return "" if text in ("nan", "NaT", "<NA>") else text  # missing values of pandas


def _csv(root: Path, check: Callable[[Sequence[str]], None]) -> Iterator[Row]:
    try:
        with root.open(newline="", encoding="utf-8-sig") as lines:
            head = next(filter(str.strip, lines), "")
            lines.seek(0)
            delimiter = max(",;\t", key=head.count)
            # An unclosed quotation mark would otherwise hide all rows that follow.
            reader = csv.DictReader(lines, delimiter=delimiter, strict=True)
            reader.fieldnames = next((row for row in reader.reader if any(map(str.strip, row))), [])
            check(reader.fieldnames)
            for row in reader:
                if None in row or None in row.values():
                    raise DatasetError(
                        f"{root}, line {reader.line_num}: the row and the header differ in length"
                    )
                yield f"line {reader.line_num}", row
    except UnicodeDecodeError as error:
        with root.open("rb") as data:
            utf16 = data.read(2) in (BOM_UTF16_LE, BOM_UTF16_BE)
        encoding = "UTF-16" if utf16 else "Latin-1 or Windows-1252"
        raise DatasetError(
            f"{root} is not UTF-8 but probably {encoding}: save it as CSV in UTF-8"
        ) from error
    except csv.Error as error:
        raise DatasetError(f"{root} is not a CSV: {error}") from error


def _parquet(root: Path, check: Callable[[Sequence[str]], None]) -> Iterator[Row]:
    parquet = require("pyarrow.parquet", "eval")
    try:
        with root.open("rb") as file, parquet.ParquetFile(root) as table:
            check(table.schema_arrow.names)
            filled = table_rows.filled(table.metadata)
            groups = map(table.metadata.row_group, filled)
            size = min((table_rows.at_once(file, group, 10_000) for group in groups), default=1)
            batches = table.iter_batches(batch_size=size, row_groups=filled)
            listed = chain.from_iterable(batch.to_pylist() for batch in batches)
            for number, row in enumerate(listed, start=1):
                yield f"row {number}", {name: _text(value) for name, value in row.items()}
    except (OSError, ValueError) as error:  # Arrow's errors are subclasses of these
        raise DatasetError(f"{root} is not a complete Parquet file: {error}") from error


def _check_columns(
    root: Path,
    columns: Mapping[str, str],
    source: str,
    one_of: Sequence[str],
    present: Sequence[str],
) -> None:
    if not present:
        raise DatasetError(f"{root} is empty; a table begins with the names of its columns")
    if twice := [name for name, count in Counter(present).items() if count > 1]:
        raise DatasetError(f"{root} has the column {twice[0]!r} twice; rename one")
    missing = {role: name for role, name in columns.items() if name not in present}
    choice = [] if set(one_of) & set(present) else one_of
    if lacking := [*missing.values(), *filter(None, [" or ".join(choice)])]:
        advice = f"; name them: {_suggested(source, columns, choice, present)}" if source else ""
        raise DatasetError(
            f"{root} lacks the columns {', '.join(lacking)}; it has: {', '.join(present)}{advice}"
        )


def _suggested(
    source: str, columns: Mapping[str, str], one_of: Sequence[str], present: Sequence[str]
) -> str:
    """The source with its options for columns, those of missing ones guessed from common names."""
    by_name = {name.lower().strip(): name for name in present}
    missing = [option for option, name in columns.items() if name not in present]
    named = [option for option, name in columns.items() if name in present and name != option]
    guesses = {option: columns[option] for option in named} | {
        option: next(
            (by_name[word] for word in (option, *USUAL[option]) if word in by_name), "COLUMN"
        )
        for option in (*missing, *one_of)
    }
    chosen = [option for option in one_of if guesses[option] != "COLUMN"] or one_of
    options = "&".join(f"{option}={guesses[option]}" for option in (*named, *missing, *chosen))
    return f"'{source}?{options}'"
