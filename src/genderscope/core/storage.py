"""Files written whole or not at all, and folders of them, local or in object storage."""

from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from genderscope.core.errors import UsageError
from genderscope.core.extras import require

_HALF = ".half-"  # hidden from whoever reads a folder of results


def is_url(place: str) -> bool:
    """Whether a place is an address for fsspec, such as ``s3://bucket/folder``."""
    return "://" in place


def opened(place: str) -> IO[bytes]:
    """Open a file or an address for reading.

    Raises:
        OSError: it cannot be read.
        MissingExtra: an address, and fsspec is not installed.
    """
    if not is_url(place):
        return open(place, "rb")
    stream: IO[bytes] = require("fsspec", "cluster").open(place, "rb").open()
    return stream


def write_whole(file: Path, data: bytes, part: Path | None = None) -> None:
    """Write a file whole or not at all, whenever the process ends.

    Args:
        part: its name until it is whole, in the same folder.
    """
    part = part or file.with_name(f"{file.name}.{uuid4().hex}.part")
    try:
        part.write_bytes(data)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def text(name: str) -> str:
    """A name of the file system, which may hold any bytes, as valid Unicode."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


class Store:
    """A folder, by its path or address; created if missing.

    Raises:
        UsageError: it cannot be created, read or written; the methods raise it too.
        MissingExtra: an address, and fsspec is not installed.
    """

    def __init__(self, place: str) -> None:
        self._files: Any = None
        if is_url(place := place.removeprefix("file://")):
            self.place = place.rstrip("/")
            self._files, self._root = require("fsspec.core", "cluster").url_to_fs(self.place)
            return
        self.place = str(Path(place).absolute())
        try:
            Path(place).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{place} cannot be made: {error.strerror}") from error

    def path(self, name: str) -> str:
        """Where a file lies."""
        return f"{self.place}/{name}"

    def clear(self) -> None:
        """Remove what a process that was killed left behind; nobody else may be writing."""
        if self._files is None:
            for left in Path(self.place).glob(f"{_HALF}*"):
                left.unlink(missing_ok=True)

    def names(self) -> list[str]:
        """The files there are, sorted."""
        if self._files is None:
            return sorted(file.name for file in Path(self.place).iterdir() if file.is_file())
        self._files.invalidate_cache()
        if not self._files.exists(self._root):
            return []
        found = self._files.ls(self._root, detail=False)
        return sorted(str(path).rpartition("/")[2] for path in found)

    def read(self, name: str) -> bytes | None:
        """What a file holds; None where it is not there."""
        try:
            if self._files is None:
                return Path(self.place, name).read_bytes()
            data: bytes = self._files.cat_file(f"{self._root}/{name}")
            return data
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UsageError(f"{self.path(name)} cannot be read: {error}") from error

    def write(self, name: str, data: bytes) -> None:
        """Write a file, or replace it."""
        try:
            if self._files is not None:
                self._files.pipe_file(f"{self._root}/{name}", data)  # one request: whole or nothing
                return
            half = Path(self.place, f"{_HALF}{uuid4().hex}")
            write_whole(Path(self.place, name), data, half)
        except OSError as error:
            raise UsageError(f"{self.path(name)} cannot be written: {error}") from error
