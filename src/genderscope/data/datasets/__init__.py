"""Readers of data sets, one file each: see ``Reader`` for what such a file defines."""

import os
from collections.abc import Collection, Iterator
from inspect import signature
from pathlib import Path
from typing import Literal, Protocol, cast
from urllib.parse import parse_qsl

from genderscope.core import plugins
from genderscope.core.errors import DatasetError, UsageError
from genderscope.core.types import Sample

Preference = Literal["train", "all", "first", "last"]


class Reader(Protocol):
    """What a reader's file defines; outside this package, ``read`` is enough.

    Attributes:
        SIZE: number of pictures; None for a user's own data.
        SPLITS: in the order train, validation, test; ``all`` is the whole data set.
        LABELS: what is labelled, in words.
        LICENCE, WHERE: its licence, and where to get it.
        LAYOUT: the files and folders that ``read`` expects, as an indented listing.
    """

    TITLE: str
    SIZE: int | None
    SPLITS: tuple[str, ...]
    LABELS: str
    LICENCE: str
    WHERE: str
    LAYOUT: str

    def read(self, root: Path, split: str, **options: str) -> Iterator[Sample]:
        """Stream the samples of a split; files need not exist, and nothing is decoded.

        ``root``, the file or folder in the source ``NAME:PATH``, exists; the split may not be
        valid. Options are keywords after the path, such as ``?label=gender``. ``DatasetError`` if
        ``root`` does not hold the data set, lacks the split or has an invalid row; it names the
        file and the row.
        """
        ...


def names() -> list[str]:
    """The names of all readers."""
    return plugins.names("data.datasets")


def reader(name: str) -> Reader:
    """A reader by name or source; ``UsageError`` if absent or without a member of ``Reader``."""
    name = name.partition(":")[0]
    module = plugins.load("data.datasets", name)
    members = (*Reader.__annotations__, "read")
    if missing := [member for member in members if not hasattr(module, member)]:
        raise UsageError(f"the reader {name} does not define {', '.join(missing)}")
    return cast("Reader", module)


def read(source: str, split: str | None = None) -> Iterator[Sample]:
    """Stream a split of a data set by its source; by default ``train`` if it exists, else ``all``.

    The split and a reader's options may follow the path: ``fairface:DIR?split=val`` or
    ``table:FILE?file=path&label=gender``. Raises ``UsageError`` if the source is not ``NAME:PATH``,
    has no such reader or option, or names another split, and ``DatasetError`` if the path does not
    hold that data set.
    """
    split = split_of(source, split, "train")
    module, root, options = _parse(source)
    return module.read(root, split, **{k: v for k, v in options.items() if k != "split"})


def split_of(source: str, split: str | None, otherwise: Preference) -> str:
    """The split of a source: the one that it names, else ``split``, else by ``otherwise``:
    ``train``, or if absent ``all``; ``all``, or if absent the first; or the first or last of the
    reader's splits. Errors as ``read``.
    """
    module, root, options = _parse(source)
    named = options.get("split")
    if named is not None and split not in (named, None):
        raise UsageError(f"{source!r} names another split than {split!r}: drop one of them")
    if choice := named or split:
        return choice
    if otherwise == "train":
        # A user's own folder may have any splits; "all" would include the held-out ones.
        has_train = module.SIZE is None and (root / "train").is_dir()
        return "train" if has_train or "train" in module.SPLITS else "all"
    if otherwise == "all" and "all" in module.SPLITS:
        return "all"
    return module.SPLITS[-1 if otherwise == "last" else 0]


def _parse(source: str) -> tuple[Reader, Path, dict[str, str]]:
    """A source's reader, path and options."""
    name, _, place = source.partition(":")
    if not place:
        example = f"table:{name}" if name.lower().endswith((".csv", ".parquet")) else "fairface:DIR"
        raise UsageError(
            f"a data set is written NAME:PATH, such as {example}, not {source!r}; "
            f"there are: {', '.join(names())}"
        )
    module = reader(name)
    accepted = ["split", *list(signature(module.read).parameters)[2:]]
    root, options = with_options(place, name, accepted)
    if not root.exists():
        raise DatasetError(f"{root} does not exist")
    return module, root, options


def with_options(place: str, name: str, accepted: Collection[str]) -> tuple[Path, dict[str, str]]:
    """A path and the options after it, as in ``PATH?option=value&option=value``. ``UsageError``,
    with ``name`` as their owner, if an option is not ``accepted`` or not written like that.
    """
    root, query = _expanded(place), ""
    if not root.exists():  # a path may contain a question mark
        path, _, query = place.partition("?")
        root = _expanded(path)
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError as error:
        raise UsageError(f"{place!r}: options are written option=value&option=value") from error
    if unknown := options.keys() - set(accepted):
        raise UsageError(
            f"{name} has no option {', '.join(sorted(unknown))}; it has: {', '.join(accepted)}"
        )
    return root, options


def _expanded(path: str) -> Path:
    """A path with its ``~`` expanded, if there is such a user."""
    return Path(os.path.expanduser(path))
