"""What the readers of tables share: one picture has one label."""

import os
from pathlib import Path

from genderscope.contracts import DatasetError


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
