"""How many rows of a Parquet table can be read at a time, from its page headers: the footer may
lie, and a reader allocates what a page's header says.
"""

from collections.abc import Collection, Iterator
from typing import IO, Any

MAX_BYTES = 2**27
# Pictures are already compressed: a page that grows by more than this factor holds none.
MAX_GROWTH = 20
HEADER_BYTES = 2**12, 2**24
TRUE, FALSE, BYTE, INTEGERS, DOUBLE, BINARY, STRUCT = 1, 2, 3, (4, 5, 6), 7, 8, 12
UNCOMPRESSED, COMPRESSED = 2, 3  # fields of a page's header: its sizes in bytes


def filled(metadata: Any) -> list[int]:
    """The numbers of the row groups that have rows; the others may have no pages."""
    groups = range(metadata.num_row_groups)
    return [group for group in groups if metadata.row_group(group).num_rows]


def at_once(
    stream: IO[bytes], group: Any, most: int, columns: Collection[str] | None = None
) -> int:
    """How many rows of some or all columns of a row group to read at a time, at most ``most``: each
    value may be as large as a page, from a dictionary or by prefix compression. ``ValueError`` if a
    page or column would fill the memory, or a page's header is broken.
    """
    largest = 1
    for column in map(group.column, range(group.num_columns)):
        if columns is not None and column.path_in_schema.partition(".")[0] not in columns:
            continue
        starts = column.data_page_offset, column.dictionary_page_offset or column.data_page_offset
        pages = [*_pages(stream, min(starts), column.total_compressed_size)]
        total = sum(size for size, _ in pages), sum(stored for _, stored in pages)
        for size, stored in (*pages, total):
            if size > max(MAX_BYTES, MAX_GROWTH * stored):
                raise ValueError(
                    f"its column {column.path_in_schema} grows from {stored:,} to {size:,} bytes"
                )
        if column.physical_type.endswith("BYTE_ARRAY"):  # other values have at most 12 bytes
            largest = max([largest, *(size for size, _ in pages)])
    return min(most, max(MAX_BYTES // largest, 1))


def _pages(stream: IO[bytes], start: int, size: int) -> Iterator[tuple[int, int]]:
    """The uncompressed and stored sizes of pages, in bytes."""
    end = start + size
    while start < end:
        for header_bytes in HEADER_BYTES:
            stream.seek(start)
            header = _Header(stream.read(header_bytes))
            try:
                fields = header.fields()
                stored = fields[COMPRESSED]
                break
            except (IndexError, KeyError):
                continue
        else:
            raise ValueError("the header of a page is broken")
        if stored < 0:
            raise ValueError("the header of a page is broken")
        yield fields[UNCOMPRESSED], stored
        start += header.at + stored


class _Header:
    """A struct in Thrift's compact protocol; ``at`` is the position after it."""

    def __init__(self, data: bytes) -> None:
        self._data, self.at = data, 0

    def fields(self) -> dict[int, int]:
        """The values of integer fields by field number; other fields are 0."""
        fields: dict[int, int] = {}
        number = 0
        while start := self._byte():
            number = number + (start >> 4) if start >> 4 else self._integer()
            fields[number] = self._value(start & 15)
        return fields

    def _value(self, kind: int) -> int:
        if kind in INTEGERS:
            return self._integer()
        if kind == BINARY:
            size = self._unsigned()
            self.at += size
        elif kind == STRUCT:
            self.fields()
        elif kind not in (TRUE, FALSE):
            self.at += {BYTE: 1, DOUBLE: 8}[kind]
        return 0

    def _byte(self) -> int:
        self.at += 1
        return self._data[self.at - 1]

    def _integer(self) -> int:
        unsigned = self._unsigned()
        return unsigned >> 1 ^ -(unsigned & 1)

    def _unsigned(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                break
        return value
