"""Checks that readers share: a split exists; a picture has one label and is in its folder."""

import os
from collections.abc import Sequence
from pathlib import Path

from genderscope.core.errors import DatasetError


def check_split(title: str, split: str, splits: Sequence[str]) -> None:
    """``DatasetError``, with a list of its splits, if a data set lacks a split."""
    if split not in splits:
        raise DatasetError(f"{title} has no split {split!r}; it has: {', '.join(splits)}")


def leads_out(name: str) -> bool:
    """Whether a picture's path in a table leads out of the folder that it is relative to."""
    return ".." in name.replace("\\", "/").split("/") or os.path.isabs(name)


def inside(folder: Path, name: str, table: Path, row: str) -> Path:
    """The picture of a row, such as ``line 3``; ``DatasetError`` if outside the folder."""
    if leads_out(name):
        raise DatasetError(f"{table}, {row}: {name} leads out of {folder}")
    return folder / name


class OneLabelEach:
    """Detects pictures with two different labels."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, str]] = {}

    def check(self, file: Path, label: int | None, table: Path, row: str) -> None:
        """Record a row's label; ``DatasetError`` if an earlier row of the picture has another."""
        if label is None:
            return
        first, where = self._seen.setdefault(os.path.normpath(file), (label, row))
        if first != label:
            raise DatasetError(f"{table}, {row}: {file} has another label in {where}")
