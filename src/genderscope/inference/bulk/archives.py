"""Pictures in files, folders, tar files and Parquet tables, local or in object storage, cut into
independent shards.

A Parquet table holds pictures in the column ``image``: bytes, or a struct with ``bytes`` and
``path`` as in Hugging Face's data sets; a column ``path`` names them.
"""

import re
import sys
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self

from genderscope.core.errors import PictureError
from genderscope.core.extras import require
from genderscope.core.storage import is_url, is_web, opened, redacted
from genderscope.core.types import Frame
from genderscope.imaging import decode, inputs
from genderscope.imaging.decode import EXTENSIONS, UNREAD, Encoded
from genderscope.inference.bulk import table_rows
from genderscope.inference.bulk.table_rows import MAX_BYTES

SHARD_PICTURES = 10_000
TABLE_ROWS = 64
STANDARD_INPUT = "-"
# Limit of the names and attributes of a tar member.
MAX_HEADER_BYTES = 2**20
_HEADER_TYPES = (
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
)
# ``tarfile`` takes these for the end, and would lose the members that follow.
_DAMAGED: tuple[type[tarfile.TarError], ...] = (
    *(tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError),  # type: ignore[attr-defined]
)
_HIDDEN = re.compile(r"(^|/)\.(?!\.?(/|$))")
TAR, TABLE = (".tar", ".tar.gz", ".tgz"), (".parquet",)


@dataclass(frozen=True, slots=True)
class Shard:
    """All pictures of one archive (a tar file or a Parquet table) at ``place``, or ``items``: paths
    and addresses of pictures, and the errors of places that could not be listed.
    """

    place: str | None = None
    items: tuple[str | Frame, ...] = ()


def shards(
    places: Iterable[str],
    avoid: Path | None = None,
    size: int = SHARD_PICTURES,
    unread: Counter[str] | None = None,
) -> Iterator[Shard]:
    """Cut paths and addresses of pictures, folders, tar files and Parquet tables into shards of
    ``size`` named pictures or of one archive, always the same for the same files. In an address,
    ``*`` matches any name; ``-`` is a picture on standard input. Archives inside a folder are not
    opened; for ``avoid`` and ``unread`` see ``decode.find``.
    """
    named: list[str | Frame] = []
    for item in _items(places, avoid, unread):
        archive = isinstance(item, str) and _ends(item, TAR + TABLE)
        if named and (archive or len(named) == size):
            yield Shard(items=tuple(named))
            named = []
        if isinstance(item, str) and archive:
            yield Shard(item)
        else:
            named.append(item)
    if named:
        yield Shard(items=tuple(named))


def pictures(
    shard: Shard, base: Path = Path(), unread: Counter[str] | None = None
) -> Iterator[Encoded | Frame]:
    """A shard's pictures in order, or frames with errors; relative paths start from ``base``.
    ``unread`` counts the members of a tar file that ``decode.find`` would count in a folder.
    """
    for item in shard.items:
        if isinstance(item, Frame):
            yield item
        elif item == STANDARD_INPUT:
            yield Encoded("standard input", partial(_bounded, sys.stdin.buffer, "standard input"))
        elif is_web(item):
            yield inputs.load(item)
        elif is_url(item):
            yield Encoded(redacted(item), partial(_fetched, item))
        else:
            yield Encoded(item, base / item)
    if shard.place is None:
        return
    place = shard.place if is_url(shard.place) else str(base / shard.place)
    unread = Counter() if unread is None else unread
    members = _members(place, unread) if _ends(place, TAR) else _rows(place)
    shown = redacted(shard.place)
    try:
        for name, data in members:
            path = f"{shown}/{name}"
            if isinstance(data, str):
                yield Frame(path, error=f"{path} {data}")
            else:
                yield Encoded(path, data)
    except Exception as error:  # what storage and formats raise has no common base
        yield Frame(shown, error=f"{shown} cannot be read: {_reason(error)}")


def _items(
    places: Iterable[str], avoid: Path | None, unread: Counter[str] | None
) -> Iterator[str | Frame]:
    for place in places:
        web = is_web(place)
        picture = "*" not in place.partition("?")[0] and not _ends(place, TAR + TABLE)
        if place == STANDARD_INPUT or (web and picture):
            yield place
        elif is_url(place):
            yield from _listed(place, Counter() if unread is None else unread)
        else:
            for path in decode.find([place], avoid, unread):
                yield path if isinstance(path, Frame) else str(path)


def _listed(place: str, unread: Counter[str]) -> Iterator[str | Frame]:
    storage, shown = require("fsspec.core", "cluster"), redacted(place)
    try:
        files, root = storage.url_to_fs(place)
        if "*" in root:
            paths = sorted(files.glob(root))
        else:  # ``find`` takes a file on an FTP server for a folder
            paths = [root] if files.isfile(root) else sorted(files.find(root))
    except Exception as error:  # what storage raises has no common base
        yield Frame(shown, error=f"{shown} cannot be listed: {_reason(error)}")
        return
    if not paths:
        yield Frame(shown, error=f"{shown} is not there; check the address")
    wanted = {*EXTENSIONS, *TAR, *TABLE} if "*" in root else EXTENSIONS
    for path in paths:
        if "*" not in root and _HIDDEN.search(path.removeprefix(root)):
            continue
        if path == root or _ends(path, wanted):
            yield _address(files, root, place, path)
        elif _ends(path, UNREAD):
            unread[PurePosixPath(path).suffix.lower()] += 1


def _address(files: Any, root: str, place: str, path: str) -> str:
    """The address of a path that ``place`` names, which is ``root`` in its storage."""
    if not files.storage_options:
        return str(files.unstrip_protocol(path))
    # The storage's own paths lack what it read from the address: host, user, or outer archive.
    first, chain, outer = place.partition("::")
    start = re.split(r"[^/]*[*?[]", root)[0] if "*" in root else root
    folder, rest = first.removesuffix(root[len(start) :]), path.removeprefix(start)
    slash = "/" if rest and not folder.endswith("/") else ""
    return f"{folder}{slash}{rest.lstrip('/')}{chain}{outer}"


def _ends(path: str, endings: Iterable[str]) -> bool:
    name = path.rpartition("/")[2].lower()
    return name.endswith(tuple(endings)) and not name.startswith(".")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _excess(size: int) -> str:
    return f"has {size:,} bytes, above the limit of {MAX_BYTES:,}; shrink it"


def _fetched(place: str) -> bytes:
    try:
        with opened(place) as stream:
            return _bounded(stream, redacted(place))
    except PictureError:
        raise
    except Exception as error:
        raise PictureError(f"{redacted(place)} cannot be read: {_reason(error)}") from error


def _bounded(stream: IO[bytes], place: str) -> bytes:
    data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise PictureError(f"{place} has more than {MAX_BYTES:,} bytes, the limit; shrink it")
    return data


class _Header(tarfile.TarInfo):
    """A member's header; ``ReadError`` if it is damaged, or if its names, or a sparse file's holes,
    may fill memory.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            header = super().frombuf(buf, encoding, errors)
        except _DAMAGED as error:
            raise tarfile.ReadError(str(error)) from error
        if header.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError(f"{header.name} is a sparse file; pack it without --sparse")
        if header.type in _HEADER_TYPES and header.size > MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a member's name or attributes have {header.size:,} bytes")
        return header


def _members(place: str, unread: Counter[str]) -> Iterator[tuple[str, bytes | str]]:
    """Names and contents of a tar file's pictures, or what is wrong with them."""
    with (
        opened(place) as stream,
        tarfile.open(fileobj=stream, mode="r|*", tarinfo=_Header) as archive,
    ):
        for member in archive:
            archive.members.clear()  # type: ignore[attr-defined]  # it would keep all headers
            if not _ends(member.name, EXTENSIONS):
                if member.isfile() and _ends(member.name, UNREAD):
                    unread[PurePosixPath(member.name).suffix.lower()] += 1
            elif member.islnk() or member.issym():
                yield member.name, "is a link; pack the files with tar -h --hard-dereference"
            elif member.isfile() and member.size > MAX_BYTES:
                yield member.name, _excess(member.size)
            elif member.isfile():
                content = archive.extractfile(member)
                assert content is not None  # it is a file
                yield member.name, content.read()


def _rows(place: str) -> Iterator[tuple[str, bytes]]:
    parquet: Any = require("pyarrow.parquet", "eval")
    with opened(place) as file, opened(place) as stream, parquet.ParquetFile(stream) as table:
        columns = [name for name in ("image", "path") if name in table.schema_arrow.names]
        if "image" not in columns:
            raise ValueError("it has no column 'image'")
        number = 0
        for group in table_rows.filled(table.metadata):
            rows = table_rows.at_once(file, table.metadata.row_group(group), TABLE_ROWS, columns)
            for batch in table.iter_batches(rows, row_groups=[group], columns=columns):
                for row in batch.to_pylist():
                    image = row["image"]
                    name = row.get("path")
                    if isinstance(image, dict) and "bytes" in image:
                        name, image = name or image.get("path"), image["bytes"]
                    if not isinstance(image, bytes | None):
                        raise ValueError("its column 'image' holds no bytes")
                    yield name or f"{number:08d}", image or b""
                    number += 1
