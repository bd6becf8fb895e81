"""Atomic file writes, and folders of files, local or in object storage."""

import csv
import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from io import StringIO
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from genderscope.core.errors import UsageError
from genderscope.core.extras import require

_PARTIAL = ".half-"  # hidden, so that readers of a folder of results skip it


WEB = ("http://", "https://")
STREAMING = ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "tcp", "srt")
"""Schemes of addresses whose query is no part of a file's name."""


def is_url(place: str) -> bool:
    """Whether a place is an fsspec address, such as ``s3://bucket/folder``."""
    return "://" in place


def is_web(place: str) -> bool:
    """Whether a place is a web address, in any case."""
    return place.lower().startswith(WEB)


def redacted(place: str) -> str:
    """A place as results name it: an address without user and password, and that of a server or
    stream without query.
    """
    place = re.sub("://[^/]*@", "://", place)
    streaming = place.partition("://")[0].lower() in STREAMING
    return place.partition("?")[0] if streaming else place


def unexpanded(path: str) -> str:
    """Advice for a missing path that starts with ``~``; empty for other paths."""
    expanded = os.path.expanduser(path)
    return "" if expanded == path else f"write {expanded}: ~ is not expanded here"


def opened(place: str) -> AbstractContextManager[IO[bytes]]:
    """Open a file or an address for reading; ``OSError``, or ``MissingExtra`` without fsspec."""
    if not is_url(place):
        return open(place, "rb")
    # Not its stream alone, which ends with the storage, such as a zip file.
    file: AbstractContextManager[IO[bytes]] = require("fsspec", "cluster").open(place, "rb")
    return file


def is_stream(target: str) -> bool:
    """Whether an output is standard output (``-``), a pipe or a device: none can be continued, and
    none may be replaced by a file. ``/dev/stdout`` is one even if it leads to a file.
    """
    if target == "-":
        return True
    file = Path(target)
    device = os.path.realpath(file.parent) in ("/dev", os.path.realpath("/dev/fd"))
    return file.exists() and not file.is_dir() and (device or not file.is_file())


def checksum(file: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_whole(file: Path, data: bytes, part: Path | None = None) -> None:
    """Write a file atomically; ``part``, in the same folder, is its name until it is complete. A
    device or a pipe is written directly: as root, a rename would replace it.
    """
    if is_stream(str(file)):
        part = file
    part = part or file.with_name(f"{file.name}.{uuid4().hex}.part")
    try:
        part.write_bytes(data)
        if part != file:
            part.replace(file)
    except OSError as error:  # that of a full disk names no file
        error.filename = str(file)
        raise
    finally:
        if part != file:
            part.unlink(missing_ok=True)


def csv_of(rows: Iterable[Iterable[object]]) -> bytes:
    """Rows as CSV, the header first; names as ``escaped``."""
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return escaped(text.getvalue()).encode()


@contextmanager
def claimed(place: Path, overwrite: bool = False, advice: str = "") -> Iterator[None]:
    """Reserve an output for this process, and create its parent folders; ``UsageError`` if it holds
    a result, unless ``overwrite``, cannot be created, or is another process's output. ``advice`` is
    appended to the error about an existing result.

    A device or a pipe needs no reservation. Windows lacks these locks, so only an existing result
    is refused there.
    """
    if is_stream(str(place)):
        yield
        return
    new_folders = [folder for folder in place.parents if not folder.exists()]
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = place.absolute().with_name(f".{place.name}.lock")
        held = _acquired(lock)
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
            with suppress(OSError):  # folders with files stay
                for folder in new_folders:
                    folder.rmdir()


def _acquired(lock: Path) -> IO[bytes] | None:
    """A lock file, created and locked; None if another process has locked it."""
    while True:
        file = lock.open("ab")
        if not _locked(file):
            file.close()
            return None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                return file
        file.close()  # its last owner removed it before it was locked here


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
    """Refuse an existing or partial result: a ``UsageError`` with advice."""
    for result in (file, part_of(file)):
        if result.exists():
            raise UsageError(f"{result} exists: add --overwrite to replace it{advice}")


def part_of(file: Path) -> Path:
    """The name of an output until it is complete."""
    return file.parent / f"{file.name}.part"  # with_name would refuse "."


@contextmanager
def completed(file: Path, resume: bool = False) -> Iterator[Path]:
    """Yield ``FILE.part`` to write to; it is renamed to ``FILE`` at the end, also on an interrupt.

    After an error or a killed process the part stays. ``resume`` continues either file of an
    earlier process. A device or a pipe is written directly.
    """
    if is_stream(str(file)) or file.is_dir():
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


def escaped(name: str) -> str:
    """A file name as valid Unicode, with an escape for each byte that is not UTF-8."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def text(name: str) -> str:
    """A file name, which may hold any bytes, as valid Unicode."""
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
            raise UsageError(f"{place} cannot be created: {error.strerror}") from error

    def path(self, name: str) -> str:
        """The path or address of a file."""
        return f"{self.place}/{name}"

    def clear(self) -> None:
        """Remove what a killed process left behind; no other process may be writing."""
        if self._files is None:
            for file in Path(self.place).glob(f"{_PARTIAL}*"):
                file.unlink(missing_ok=True)

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
        """Remove a file if it exists."""
        try:
            if self._files is None:
                Path(self.place, name).unlink(missing_ok=True)
            elif self._files.exists(f"{self._root}/{name}"):
                self._files.rm_file(f"{self._root}/{name}")
        except OSError as error:
            raise UsageError(f"{self.path(name)} cannot be removed: {error}") from error

    def write(self, name: str, data: bytes) -> None:
        """Write or replace a file."""
        try:
            if self._files is not None:
                self._files.pipe_file(f"{self._root}/{name}", data)  # one request, so atomic
                return
            part = Path(self.place, f"{_PARTIAL}{uuid4().hex}")
            write_whole(Path(self.place, name), data, part)
        except OSError as error:
            reason = error.strerror or error
            raise UsageError(f"{self.path(name)} cannot be written: {reason}") from error
