"""Files that attack their reader, each built from its description."""

import io
import struct
import tarfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import PIL.Image

ZEROS = 150_000_000
"""Bytes that some kilobytes promise, once they are unpacked."""


class Zeros(io.RawIOBase):
    """A stream of zeros that takes no memory."""

    def __init__(self, size: int) -> None:
        self._left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        size = self._left if size < 0 else min(size, self._left)
        self._left -= size
        return bytes(size)


def tar_with(file: Path, name: str, member: tarfile.TarInfo | None = None) -> Path:
    """A compressed tar file whose first member is ``ZEROS`` large; after it comes ``last.jpg``.

    Args:
        member: its header, by default that of a picture.
    """
    with tarfile.open(file, "w:gz", compresslevel=1) as archive:
        member = member or tarfile.TarInfo(name)
        member.size = ZEROS
        archive.addfile(member, Zeros(ZEROS))
        last = tarfile.TarInfo("last.jpg")
        last.size = 4
        archive.addfile(last, io.BytesIO(b"last"))
    return file


def tar_long_name(file: Path) -> Path:
    """A member whose GNU long name is ``ZEROS`` long."""
    member = tarfile.TarInfo("././@LongLink")
    member.type = tarfile.GNUTYPE_LONGNAME
    return tar_with(file, "", member)


def tar_sparse(file: Path) -> Path:
    """A member of no bytes whose header promises a terabyte of holes."""
    member = tarfile.TarInfo("holes.jpg")
    member.type = tarfile.GNUTYPE_SPARSE
    block = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    block[483:495] = b"%011o\0" % 2**40
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    file.write_bytes(bytes(block) + bytes(1024))
    return file


def parquet_of_zeros(
    file: Path, size: int = ZEROS, rows: int = 1, dictionary: bool = False
) -> Path:
    """A table whose pictures are ``size`` zeros each, stored once if there is a dictionary."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    values = pa.array([bytes(size)], pa.large_binary())
    column = (
        pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), values)
        if dictionary
        else pa.concat_arrays([values] * rows)
    )
    pq.write_table(pa.table({"image": column}), file, compression="zstd", use_dictionary=dictionary)
    return file


def parquet_with_false_footer(file: Path) -> Path:
    """The same, but the footer says that it is small."""
    import pyarrow.parquet as pq

    data = parquet_of_zeros(file).read_bytes()
    size = 2 * pq.read_metadata(file).row_group(0).column(0).total_uncompressed_size
    number = bytes(size >> shift & 127 | 128 for shift in (0, 7, 14, 21)) + bytes([size >> 28])
    assert number in data
    file.write_bytes(data.replace(number, b"\xd0\x8f\x80\x80\0"))
    assert pq.read_metadata(file).row_group(0).column(0).total_uncompressed_size == 1000
    return file


def png_of_zeros(width: int, height: int, kind: int, bits: int = 8, *before: bytes) -> bytes:
    """A PNG whose pixels are all there, and all 0.

    Args:
        kind: 0 is grey, 2 RGB, 3 a palette, 6 RGB with alpha.
        before: chunks before the pixels, each its name and content.
    """
    row = bytes(1 + width * {0: 1, 2: 3, 3: 1, 6: 4}[kind] * bits // 8)
    packer = zlib.compressobj(1)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    chunks = (b"IHDR" + header, *before, b"IDAT" + pixels, b"IEND")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    )


PALETTE = (b"PLTE" + bytes(range(48)), b"tRNS" + bytes(16))


def jpeg_of_scans(side: int, scans: int) -> bytes:
    """A progressive grey JPEG whose last scan, of some 40 bytes, is repeated."""
    file = io.BytesIO()
    PIL.Image.new("L", (side, side), 90).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * scans + data[-2:]


def jpeg_with_junk(side: int, size: int) -> bytes:
    """Bytes between two segments, which Pillow skips one by one."""
    data = jpeg_of_scans(side, 0)
    return data[:20] + bytes(size) + data[20:]


def tiff_of_one_tile(side: int) -> bytes:
    """8 x 8 grey pixels, in a compressed tile of many more."""
    tile = zlib.compress(bytes(64))
    tags = {256: 8, 257: 8, 258: 8, 259: 8, 262: 1, 277: 1, 322: side, 323: side}
    start = 8 + 2 + 12 * (len(tags) + 2) + 4
    tags |= {324: start, 325: len(tile)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + tile


def tiff_of_random_bytes() -> bytes:
    """LZW codes that libtiff complains of on standard error."""
    file = io.BytesIO()
    PIL.Image.effect_noise((64, 64), 90).save(file, "TIFF", compression="tiff_lzw")
    data = bytearray(file.getvalue())
    data[8:500] = b"\xff" * 492
    return bytes(data)


def pgm_in_words(side: int) -> bytes:
    """Numbers as text, which Pillow reads one by one: about a second for 1,500 x 1,500."""
    return b"P2 %d %d 255\n" % (side, side) + b"7 " * side**2


def bmp_of_line_ends(side: int) -> bytes:
    """A compressed BMP of lines that end after a pixel, which Pillow fills one by one."""
    lines = b"\1\7\0\0" * side
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(lines), 0, 0, 256, 0)
    data = header + bytes(1024) + lines
    return b"BM" + struct.pack("<IHHI", 14 + len(data), 0, 0, 14 + len(header) + 1024) + data


PICTURES: dict[str, tuple[Callable[[], bytes], str]] = {
    # File name: its builder, and words of the expected error.
    "scans.jpg": (partial(jpeg_of_scans, 4990, 3000), "has more than 100 scans"),
    "rgba.png": (partial(png_of_zeros, 10_900, 10_900, 6), "of memory, above the limit of 512"),
    "palette.png": (partial(png_of_zeros, 10_900, 10_900, 3, 8, *PALETTE), "MB of memory, above"),
    "grey.png": (partial(png_of_zeros, 10_900, 10_900, 0, 16), "of memory, above the limit"),
    "tile.tif": (partial(tiff_of_one_tile, 30_000), "of memory, above the limit of 512"),
    "random.tif": (tiff_of_random_bytes, "is broken ("),
    "words.pgm": (partial(pgm_in_words, 5500), "takes more than"),
    "lines.bmp": (partial(bmp_of_line_ends, 8_000), "takes more than"),
    "junk.jpg": (partial(jpeg_with_junk, 64, 60_000_000), "takes more than"),
}
