"""What the readers of tables share: a picture has one label and lies in the data set's folder."""

import os
from pathlib import Path

from genderscope.core.errors import DatasetError


def leads_out(name: str) -> bool:
    """Whether a picture's name in a table leads out of the folder that it is relative to."""
    return ".." in name.replace("\\", "/").split("/") or os.path.isabs(name)


def inside(folder: Path, name: str, table: Path, row: str) -> Path:
    """The picture that a row, such as ``line 3``, names in a folder.

    Raises:
        DatasetError: the name leads out of the folder, as none of a published data set does.
    """
    if leads_out(name):
        raise DatasetError(f"{table}, {row}: {name} leads out of {folder}")
    return folder / name


class OneLabelEach:
    """Refuses a second, different label for a picture."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, str]] = {}

    def check(self, file: Path, label: int | None, table: Path, row: str) -> None:
        """Remember what a row, such as ``line 3``, says of a picture; no label says nothing.

        Raises:
            DatasetError: an earlier row gave the picture the other label.
        """
        if label is None:
            return
        first, where = self._seen.setdefault(os.path.normpath(file), (label, row))
        if first != label:
            raise DatasetError(f"{table}, {row}: {file} has another label in {where}")
