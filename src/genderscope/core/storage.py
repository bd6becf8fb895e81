"""Files written whole or not at all, and folders of them, local or in object storage."""

import csv
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import StringIO
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
    """Open a file or an address for reading; ``OSError``, or ``MissingExtra`` without fsspec."""
    if not is_url(place):
        return open(place, "rb")
    stream: IO[bytes] = require("fsspec", "cluster").open(place, "rb").open()
    return stream


def write_whole(file: Path, data: bytes, part: Path | None = None) -> None:
    """Write a file whole or not at all; ``part``, in the same folder, is its name until then."""
    part = part or file.with_name(f"{file.name}.{uuid4().hex}.part")
    try:
        part.write_bytes(data)
        part.replace(file)
    except OSError as error:  # a full disk's has no name
        error.filename = str(file)
        raise
    finally:
        part.unlink(missing_ok=True)


def csv_of(rows: Iterable[Iterable[object]]) -> bytes:
    """A CSV of rows, the header first; a name that is not UTF-8 keeps its bytes."""
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")


@contextmanager
def claimed(place: Path, overwrite: bool = False, advice: str = "") -> Iterator[None]:
    """Reserve an output for this process, and create the folders above it; ``UsageError`` if it
    holds a result, unless ``overwrite``, cannot be created, or is an output of another process.
    ``advice`` is appended to the error about an existing result.

    A device or a pipe needs no reservation. Windows has no such locks, so there only an existing
    result is refused.
    """
    if place.exists() and not (place.is_file() or place.is_dir()):
        yield
        return
    new_folders = [folder for folder in place.parents if not folder.exists()]
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = place.absolute().with_name(f".{place.name}.lock")
        held = _held(lock)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"{place} cannot be written: {place.parent} is not a folder") from error
    except OSError as error:
        raise UsageError(f"{place} cannot be written: {error.strerror}") from error
    if held is None:
        raise UsageError(f"{place} is being written by another process or another option")
    with held:
        try:
            if not overwrite:
                check_new(place, advice)
            yield
        finally:
            lock.unlink(missing_ok=True)
            with suppress(OSError):  # those with files stay
                for folder in new_folders:
                    folder.rmdir()


def _held(lock: Path) -> IO[bytes] | None:
    """A lock file, made and locked; None if another process has locked it."""
    while True:
        file = lock.open("ab")
        if not _locked(file):
            file.close()
            return None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                return file
        file.close()  # another process removed it before it was locked here


def _locked(file: IO[bytes]) -> bool:
    """Lock a file until it is closed, unless another process has locked it."""
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def check_new(file: Path, advice: str = "") -> None:
    """Refuse an existing result, or one that was begun: a ``UsageError`` with advice."""
    for result in (file, part_of(file)):
        if result.exists():
            raise UsageError(f"{result} exists: add --overwrite to replace it{advice}")


def part_of(file: Path) -> Path:
    """The name of an output until it is complete."""
    return file.with_name(f"{file.name}.part")


@contextmanager
def completed(file: Path, resume: bool = False) -> Iterator[Path]:
    """Yield ``FILE.part`` to write to; it gets its name at the end, also when interrupted.

    After an error or a killed process the part stays, for ``resume``, which begins with what an
    earlier process wrote to either. A device or a pipe is written directly.
    """
    if file.exists() and not file.is_file():
        yield file
        return
    part = part_of(file)
    if not resume:
        part.unlink(missing_ok=True)
    elif file.exists() and not part.exists():
        file.replace(part)
    try:
        yield part
    except (KeyboardInterrupt, GeneratorExit):
        if part.exists():
            part.replace(file)
        raise
    part.replace(file)


def text(name: str) -> str:
    """A name of the file system, which may hold any bytes, as valid Unicode."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


class Store:
    """A folder, by its path or address; created if missing. It and its methods raise ``UsageError``
    if it cannot be created, read or written, and ``MissingExtra`` for an address without fsspec.
    """

    def __init__(self, place: str) -> None:
        self._files: Any = None
        if is_url(place := place.removeprefix("file://")):
            self.place = place.rstrip("/")
            storage = require("fsspec.core", "cluster")
            try:
                self._files, self._root = storage.url_to_fs(self.place)
            except (ImportError, ValueError) as error:  # no package for this kind of address
                raise UsageError(f"{place} cannot be opened: {error}") from error
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
        """Remove what a killed process left behind; no other process may be writing."""
        if self._files is None:
            for left in Path(self.place).glob(f"{_HALF}*"):
                left.unlink(missing_ok=True)

    def names(self) -> list[str]:
        """The names of its files, sorted."""
        if self._files is None:
            return sorted(file.name for file in Path(self.place).iterdir() if file.is_file())
        self._files.invalidate_cache()
        if not self._files.exists(self._root):
            return []
        paths = self._files.ls(self._root, detail=False)
        return sorted(str(path).rpartition("/")[2] for path in paths)

    def read(self, name: str) -> bytes | None:
        """The content of a file; None if it is absent."""
        try:
            if self._files is None:
                return Path(self.place, name).read_bytes()
            data: bytes = self._files.cat_file(f"{self._root}/{name}")
            return data
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UsageError(f"{self.path(name)} cannot be read: {error}") from error

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        try:
            if self._files is None:
                Path(self.place, name).unlink(missing_ok=True)
            elif self._files.exists(f"{self._root}/{name}"):
                self._files.rm_file(f"{self._root}/{name}")
        except OSError as error:
            raise UsageError(f"{self.path(name)} cannot be removed: {error}") from error

    def write(self, name: str, data: bytes) -> None:
        """Write a file, or replace it."""
        try:
            if self._files is not None:
                self._files.pipe_file(f"{self._root}/{name}", data)  # one request: whole or nothing
                return
            half = Path(self.place, f"{_HALF}{uuid4().hex}")
            write_whole(Path(self.place, name), data, half)
        except OSError as error:
            reason = error.strerror or error
            raise UsageError(f"{self.path(name)} cannot be written: {reason}") from error
