"""Pictures from files and folders: the one place that decodes.

Sizes are read from the header and refused before anything is decoded, and whatever a file holds
comes out as upright BGR or as one ``PictureError``. Knows nothing of faces.
"""

import os
import warnings
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
from PIL.Image import Transpose

from genderscope.contracts import Frame, Image, PictureError

MAX_PIXELS = 120_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")
EXTENSIONS = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib"),
    *(".tif", ".tiff", ".avif", ".jp2", ".j2k", ".jpx", ".pbm", ".pgm", ".ppm", ".pnm"),
}
ORIENTATION_TAG = 0x0112
# What brings a picture of each EXIF orientation upright.
TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
# The largest values that deep grey pictures are taken to be scaled to: the first that holds all.
INTEGER_TOPS = (2**16 - 1, 2**31)
FLOAT_TOPS = (1, 2**8 - 1, 2**16 - 1)
ADVICE = {
    FileNotFoundError: "is not there; check the path",
    IsADirectoryError: "is a folder where a picture is wanted",
    PermissionError: "may not be read; change its permissions",
}


def read(source: Path | bytes, max_pixels: int = MAX_PIXELS) -> Image:
    """Decode one picture, the first frame of an animated one.

    Args:
        source: a file, or an encoded picture itself.
        max_pixels: larger pictures are refused by their header. Pillow's own limit of 178,956,970
            pixels stays above it.

    Returns:
        (height, width, 3) uint8 BGR, upright, transparency on white.

    Raises:
        PictureError: with what is wrong and what to do, in one line.
    """
    name = "the picture" if isinstance(source, bytes) else str(source)
    try:
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        # Oddities of a file that can be read still are no news to the user of this package.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            opened = BytesIO(source) if isinstance(source, bytes) else source
            with PIL.Image.open(opened, formats=FORMATS) as picture:
                if (pixels := picture.width * picture.height) > max_pixels:
                    raise PictureError(
                        f"{name} has {picture.width} x {picture.height} = {pixels:,} pixels, above "
                        f"the limit of {max_pixels:,}; shrink it or raise the limit"
                    )
                return _bgr(picture)
    except PictureError:
        raise
    except PIL.UnidentifiedImageError as error:
        problem = f"is no picture that can be read; make it one of {', '.join(FORMATS)}"
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


def find(paths: Iterable[str | Path], avoid: Path | None = None) -> Iterator[Path | Frame]:
    """Stream the pictures that paths name.

    A named file is always tried. In a folder, and in those inside it, what has a picture's
    extension and is not hidden counts: by name, a folder's files before its folders. Links to
    folders inside are not followed, so there are no loops.

    Args:
        avoid: a folder inside others that is not entered, such as the one that is written to.

    Yields:
        A picture's path, or a frame with the error for a folder that cannot be read.
    """
    for path in map(Path, paths):
        if os.path.isdir(path):  # pathlib's would raise where a folder above is closed
            yield from _inside(path, avoid and avoid.resolve())
        else:
            yield path


def frames(
    paths: Iterable[str | Path], max_pixels: int = MAX_PIXELS, avoid: Path | None = None
) -> Iterator[Frame]:
    """Decode what ``find`` finds, one picture at a time; what fails is a frame with its error."""
    for found in find(paths, avoid):
        if isinstance(found, Frame):
            yield found
            continue
        try:
            frame = Frame(str(found), read(found, max_pixels))
        except PictureError as error:
            frame = Frame(str(found), error=str(error))
        yield frame


def _inside(top: Path, avoid: Path | None) -> Iterator[Path | Frame]:
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
            # A broken link is tried, and fails; a pipe would wait for ever, and is not.
            elif path.suffix.lower() in EXTENSIONS and (entry.is_symlink() or entry.is_file()):
                yield path
        pending += reversed(below)


def _bgr(picture: PIL.Image.Image) -> Image:
    picture.load()
    if (orientation := _orientation(picture)) in TURNS:
        picture = picture.transpose(TURNS[orientation])
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        pixels = _eight_bits(np.asarray(picture))
    elif picture.has_transparency_data:
        white = PIL.Image.new("RGBA", picture.size, "white")
        pixels = np.asarray(
            PIL.Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
        )
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
