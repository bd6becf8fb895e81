"""Readers of published data sets, one file each: ``read(root, split)`` yields ``Sample``s.

Each file also says what it reads: ``TITLE``, ``SIZE`` (pictures, or None), ``SPLITS``, ``LABELS``,
``LICENCE``, ``WHERE`` and ``LAYOUT``. Knows nothing of detectors, crops or torch.
"""

from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Literal
from urllib.parse import parse_qsl

from genderscope.core import plugins
from genderscope.core.errors import DatasetError, UsageError
from genderscope.core.types import Sample

Preference = Literal["train", "all", "first", "last"]


def read(source: str, split: str | None = None) -> Iterator[Sample]:
    """Stream a data set by its name and place, such as ``fairface:DIR``.

    The split and a reader's own options may follow the place: ``fairface:DIR?split=val`` or
    ``table:FILE?file=path&label=gender``.

    Args:
        split: a part of it; by default the one to train on: ``train`` where there is one, or all.

    Raises:
        UsageError: the source is not ``NAME:PATH``, no reader has that name, it has no such
            option, or it names another split than ``split``.
        DatasetError: the place does not hold that data set.
    """
    split = split_of(source, split, "train")
    reader, root, options = _parsed(source)
    samples: Iterator[Sample] = reader.read(
        root, split, **{name: value for name, value in options.items() if name != "split"}
    )
    return samples


def split_of(source: str, split: str | None, otherwise: Preference) -> str:
    """Which part of a data set is meant: what the source names, or what is asked for.

    Args:
        split: what is asked for, such as by an option.
        otherwise: which one it is if neither says: the one to train on, all of it where that is a
            split, or the first or last that the reader knows.

    Raises:
        UsageError, DatasetError: as ``read``.
    """
    reader, root, options = _parsed(source)
    own = options.get("split")
    if own is not None and split not in (own, None):
        raise UsageError(f"{source!r} names its split, and the split {split!r} is asked for too")
    if chosen := own or split:
        return chosen
    splits: tuple[str, ...] = reader.SPLITS
    if otherwise == "train":
        # A folder of your own may have parts of any name: all would take in what is held out.
        there = reader.SIZE is None and (root / "train").is_dir()
        return "train" if there or "train" in splits else "all"
    if otherwise == "all" and "all" in splits:
        return "all"
    return splits[-1 if otherwise == "last" else 0]


def _parsed(source: str) -> tuple[ModuleType, Path, dict[str, str]]:
    """A source's reader, its place, and its options."""
    name, colon, place = source.partition(":")
    if not colon or not place:
        known = ", ".join(f"{name}:DIR" for name in plugins.names("data.datasets"))
        raise UsageError(f"a data set is written NAME:PATH, not {source!r}; there are: {known}")
    reader = plugins.load("data.datasets", name)
    root, query = Path(place).expanduser(), ""
    if not root.exists():  # a path may hold a question mark too
        place, _, query = place.partition("?")
        root = Path(place).expanduser()
    if not root.exists():
        raise DatasetError(f"{root} is not there")
    takes = ["split", *list(signature(reader.read).parameters)[2:]]
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError as error:
        raise UsageError(f"{source!r}: options are written option=value&option=value") from error
    if unknown := options.keys() - set(takes):
        raise UsageError(
            f"{name} has no option {', '.join(sorted(unknown))}; it has: {', '.join(takes)}"
        )
    return reader, root, options
