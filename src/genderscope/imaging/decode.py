"""Decode pictures from files and folders; nothing else in the package decodes.

The size in the header is checked first. Every file becomes upright BGR or a ``PictureError``.
"""

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
from PIL.Image import Transpose

from genderscope.core.errors import PictureError
from genderscope.core.extras import installation
from genderscope.core.types import Frame, Image

PORTRAIT = Path(__file__).parent / "samples" / "astronaut.jpg"  # a public-domain portrait
MAX_PIXELS = 120_000_000
FORMATS: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")
EXTENSIONS = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib"),
    *(".tif", ".tiff", ".avif", ".jp2", ".j2k", ".jpx", ".pbm", ".pgm", ".ppm", ".pnm"),
}
HEIF = {".heic", ".heif", ".hif"}
UNREAD = {
    *(".pdf", ".psd", ".svg", ".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf"),
    *(".rw2", ".pef", ".srw"),
}
"""Extensions of files that may show faces but cannot be read."""
try:
    from pillow_heif import register_heif_opener
except ImportError:
    UNREAD |= HEIF
else:
    register_heif_opener()
    EXTENSIONS |= HEIF
    FORMATS += ("HEIF",)
ORIENTATION_TAG = 0x0112
# The transposition that turns each EXIF orientation upright.
TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
# Possible maxima of deep grey pictures: the first that holds all values.
INTEGER_TOPS = (2**16 - 1, 2**31)
FLOAT_TOPS = (1, 2**8 - 1, 2**16 - 1)
ADVICE = {
    FileNotFoundError: "is not there; check the path",
    IsADirectoryError: "is a folder where a picture is wanted",
    PermissionError: "may not be read; change its permissions",
}


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture that is not decoded yet: its name in results and errors, and its file, its bytes,
    or a function that fetches its bytes.
    """

    name: str
    source: Path | bytes | Callable[[], bytes]

    def frame(self, max_pixels: int = MAX_PIXELS) -> Frame:
        """The decoded picture; errors as ``read``."""
        source = self.source() if callable(self.source) else self.source
        return Frame(self.name, read(source, max_pixels, name=self.name))


def read(source: Path | bytes, max_pixels: int = MAX_PIXELS, *, name: str | None = None) -> Image:
    """Decode one picture, the first frame of an animated one.

    Args:
        max_pixels: larger pictures are refused by their header. Pillow's own limit of 178,956,970
            pixels stays above it.
        name: in errors; by default the file.

    Returns:
        (height, width, 3) uint8 BGR, upright, transparency on white.

    Raises:
        PictureError: in one line, what is wrong and what to do.
    """
    return read_reduced(source, max_pixels, name=name)[0]


def read_reduced(
    source: Path | bytes,
    max_pixels: int = MAX_PIXELS,
    *,
    name: str | None = None,
    longest_px: int = 0,
    reductions: Sequence[int] = (),
) -> tuple[Image, int]:
    """Decode one picture at a reduced size where its format can: a JPEG is decoded at a half, a
    quarter or an eighth in less time than at full size.

    Args:
        source, max_pixels, name: see ``read``.
        longest_px: what the picture's longer side must keep.
        reductions: of 2, 4 and 8, those allowed.

    Returns:
        The picture as from ``read``, and its reduction: the largest possible one, or 1.

    Raises:
        PictureError: see ``read``.
    """
    if name is None:
        name = "the picture" if isinstance(source, bytes) else str(source)
    try:
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        with _QUIET:
            opened = BytesIO(source) if isinstance(source, bytes) else source
            with PIL.Image.open(opened, formats=FORMATS) as picture:
                if (pixels := picture.width * picture.height) > max_pixels:
                    raise PictureError(
                        f"{name} has {picture.width} x {picture.height} = {pixels:,} pixels, above "
                        f"the limit of {max_pixels:,}; shrink it or raise the limit"
                    )
                reduction = _reduce(picture, longest_px, reductions)
                return bgr(picture), reduction
    except PictureError:
        raise
    except PIL.UnidentifiedImageError as error:
        problem = f"is no picture that can be read; make it one of {', '.join(FORMATS)}"
        if Path(name).suffix.lower() in HEIF & UNREAD:
            problem = f"is HEIC: {installation('heif')}"
        raise PictureError(f"{name} {problem if size else 'is empty; get it anew'}") from error
    except PIL.Image.DecompressionBombError as error:
        raise PictureError(f"{name} has too many pixels to be decoded: {error}") from error
    except MemoryError as error:
        raise PictureError(f"{name} does not fit into memory; shrink it") from error
    except Exception as error:  # what Pillow raises on hostile bytes has no common root
        if isinstance(error, OSError) and error.errno is not None:
            raise PictureError(f"{name} {_advice(error)}") from error
        reason = " ".join(str(error).split()) or type(error).__name__
        raise PictureError(f"{name} is broken ({reason}); get it anew") from error


def find(
    paths: Iterable[str | Path], avoid: Path | None = None, unread: Counter[str] | None = None
) -> Iterator[Path | Frame]:
    """Stream the pictures that paths name, and a frame with the error for a folder that cannot be
    read.

    A named file is always tried. In folders, at any depth, visible files with a picture's extension
    count: by name, a folder's files before its folders. Links to folders are not followed, so there
    are no loops; the folder ``avoid``, such as the output, is not entered. ``unread`` counts the
    files in folders that may be pictures but are not read, by extension.
    """
    for path in map(Path, paths):
        if os.path.isdir(path):  # pathlib's would raise where a folder above is closed
            yield from _inside(
                path, avoid and avoid.resolve(), Counter() if unread is None else unread
            )
        else:
            yield path


def frames(
    paths: Iterable[str | Path],
    max_pixels: int = MAX_PIXELS,
    avoid: Path | None = None,
    unread: Counter[str] | None = None,
) -> Iterator[Frame]:
    """Decode what ``find`` finds, one picture at a time; what fails is a frame with its error."""
    for found in find(paths, avoid, unread):
        if isinstance(found, Frame):
            yield found
            continue
        try:
            frame = Frame(str(found), read(found, max_pixels))
        except PictureError as error:
            frame = Frame(str(found), error=str(error))
        yield frame


def _inside(top: Path, avoid: Path | None, unread: Counter[str]) -> Iterator[Path | Frame]:
    pending = [top]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as entries:
                listing = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield Frame(str(folder), error=f"{folder} {_advice(error)}")
            continue
        below = []
        for entry in listing:
            path = Path(entry)
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if path.resolve() != avoid:
                    below.append(path)
            # A broken link is tried and fails; a pipe is skipped, as it would wait for ever.
            elif path.suffix.lower() in EXTENSIONS and (entry.is_symlink() or entry.is_file()):
                yield path
            elif path.suffix.lower() in UNREAD:
                unread[path.suffix.lower()] += 1
        pending += reversed(below)


class _Quiet:
    """No warnings while any thread reads: those about readable files do not concern users.
    ``warnings.catch_warnings`` alone is not safe for threads.
    """

    def __init__(self) -> None:
        self._lock, self._readers = Lock(), 0
        self._silence = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._readers:
                self._silence = warnings.catch_warnings()
                self._silence.__enter__()
                warnings.simplefilter("ignore")
            self._readers += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._readers -= 1
            if not self._readers:
                self._silence.__exit__(None, None, None)


_QUIET = _Quiet()


def _reduce(picture: PIL.Image.Image, longest_px: int, reductions: Sequence[int]) -> int:
    """Ask the decoder for a smaller picture; returns by how much it will be smaller."""
    width, height = picture.size
    for by in sorted(reductions, reverse=True):
        if max(width, height) // by >= longest_px and min(width, height) >= by:
            return by if picture.draft(None, (width // by, height // by)) else 1
    return 1


def bgr(picture: PIL.Image.Image) -> Image:
    """Pillow's picture as ``read`` returns it; Pillow's errors where its data are broken."""
    picture.load()
    if (orientation := _orientation(picture)) in TURNS:
        picture = picture.transpose(TURNS[orientation])
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        pixels = _eight_bits(np.asarray(picture))
    elif picture.has_transparency_data:
        white = PIL.Image.new("RGBA", picture.size, "white")
        blended = PIL.Image.alpha_composite(white, picture.convert("RGBA"))
        pixels = np.asarray(blended.convert("RGB"))
    else:
        pixels = np.asarray(picture if picture.mode in ("L", "RGB") else picture.convert("RGB"))
    code = cv2.COLOR_GRAY2BGR if pixels.ndim == 2 else cv2.COLOR_RGB2BGR
    return cv2.cvtColor(pixels, code).astype(np.uint8, copy=False)


def _eight_bits(values: npt.NDArray[Any]) -> Image:
    """Grey of 16 bits, 32 bits or floats as uint8: Pillow's own conversion cuts it off at 255."""
    numbers = np.nan_to_num(values.astype(np.float32))
    peak = numbers.max()
    tops = FLOAT_TOPS if values.dtype.kind == "f" else INTEGER_TOPS
    top = next((top for top in tops if peak <= top), peak)
    return (numbers * (255 / top)).round().clip(0, 255).astype(np.uint8)


def _orientation(picture: PIL.Image.Image) -> int:
    try:
        return int(picture.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # a broken EXIF block says nothing of how the picture stands
        return 1


def _advice(error: OSError) -> str:
    return ADVICE.get(type(error)) or f"cannot be read: {error.strerror}"
