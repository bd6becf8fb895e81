"""Open pictures with Pillow: check their headers, and convert their pixels in strips.

Strips save the memory of further copies. Nothing slow is imported here, since the processes of
``imaging.workers`` import this at their start.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from io import BytesIO
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import PIL.Image
from PIL.Image import Transpose

from genderscope.core.errors import PictureError
from genderscope.core.types import Image
from genderscope.imaging.limits import Limits
from genderscope.imaging.structure import MAX_SCANS

PILLOWS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF", "JPEG2000", "PPM")
FORMATS = (*PILLOWS, "HEIF") if find_spec("pillow_heif") else PILLOWS
UNKNOWN = "is not a readable picture"
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
# Candidate white levels of deep grey pictures; the first that is not exceeded is used. Cameras and
# scanners store 10 and 12 bits in 16.
INTEGER_TOPS = (2**8 - 1, 2**10 - 1, 2**12 - 1, 2**16 - 1, 2**31)
FLOAT_TOPS = (1, 2**8 - 1, 2**10 - 1, 2**12 - 1, 2**16 - 1)
# A picture of floats up to this value may have its white above 1.
BRIGHT = 16
# Resampling may make floats exceed white by this factor.
OVERSHOOT = 1.1
ADVICE = {
    FileNotFoundError: "is not there; check the path",
    IsADirectoryError: "is a folder, not a picture",
    PermissionError: "may not be read; change its permissions",
}
STRIP_PIXELS = 2**16
# Bytes per pixel: Pillow's storage in each mode, if not 4; and what decoders need in addition.
KEPT = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}
DECODERS = {"WEBP": 10, "AVIF": 8, "HEIF": 12, "JPEG2000": 20, "BMP": 2, "DIB": 2, "PPM": 8}
# Copies of the file: one in the reader, one in the process that decodes it.
COPIES = 2
# Bytes per pixel of the BGR picture and the detector's smaller copies.
BGR = 4
# TIFF tags: bits per sample, samples per pixel, rows per strip, width and height of a tile.
BITS, SAMPLES, STRIP, TILE_WIDTH, TILE_HEIGHT = 258, 277, 278, 322, 323


class Request(msgspec.Struct, frozen=True):
    """A picture to decode.

    Attributes:
        passes: see ``structure.passes``.
        longest_px, reductions: see ``decode.read_reduced``.
    """

    data: bytes
    limits: Limits
    passes: int = 0
    longest_px: int = 0
    reductions: tuple[int, ...] = ()


class Opened:
    """A picture whose header has been read and checked.

    Attributes:
        picture: Pillow's.
        pixels: its width times its height, from its header.
        reduction: the factor by which its decoder shrinks it.
        memory: the most that decoding takes, in bytes.

    Raises:
        PictureError: it exceeds a limit; the message has no name. Pillow raises errors of many
            types too: see ``problem``.
    """

    def __init__(self, request: Request) -> None:
        limits = request.limits
        if request.passes > MAX_SCANS:
            raise PictureError(f"has more than {MAX_SCANS} scans; save it as an ordinary JPEG")
        formats = _formats(request.data)
        self.picture: PIL.Image.Image = PIL.Image.open(BytesIO(request.data), formats=formats)
        width, height = self.picture.size
        self.pixels = width * height
        if self.pixels > limits.max_pixels:
            raise PictureError(
                f"has {width} x {height} = {self.pixels:,} pixels, above the limit of "
                f"{limits.max_pixels:,}; shrink it or raise the limit"
            )
        extra = _extra(self.picture, request.passes)
        self.reduction = _reduce(self.picture, request)
        kept = KEPT.get(self.picture.mode, 4)
        # Besides Pillow's own pixels there are those turned upright, or those in BGR.
        copies = self.picture.width * self.picture.height * (kept + max(kept, BGR))
        self.memory = COPIES * len(request.data) + extra + copies
        if self.memory > limits.max_memory * 2**20:
            raise PictureError(
                f"has {width} x {height} pixels and needs {self.memory / 2**20:,.0f} MB of memory, "
                f"above the limit of {limits.max_memory:,}; shrink it or raise the limit"
            )

    def decode(self) -> None:
        """Decode the picture and turn it upright."""
        self.picture = upright(self.picture)


def upright(picture: PIL.Image.Image) -> PIL.Image.Image:
    """A picture, decoded and turned upright by its EXIF orientation."""
    picture.load()
    orientation = _orientation(picture)
    return picture.transpose(TURNS[orientation]) if orientation in TURNS else picture


def bgr(picture: PIL.Image.Image) -> Image:
    """The pixels of an upright picture, (height, width, 3) uint8, transparency on white."""
    image = np.empty((picture.height, picture.width, 3), np.uint8)
    row = 0
    for strip in strips(picture):
        image[row : row + len(strip)] = strip
        row += len(strip)
    return image


def strips(picture: PIL.Image.Image) -> Iterator[Image]:
    """The pixels as from ``bgr``, top to bottom, some rows at a time."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        top, transparent = _white(picture), picture.info.get("transparency")
        for strip in _crops(picture):
            values = np.asarray(strip)
            grey = _eight_bits(values, top)
            if isinstance(transparent, int):
                grey[values == transparent] = 255
            yield np.repeat(grey[..., None], 3, axis=2)
        return
    transparent = picture.has_transparency_data
    for strip in _crops(picture):
        if transparent:
            white = PIL.Image.new("RGBA", strip.size, "white")
            strip = PIL.Image.alpha_composite(white, strip.convert("RGBA"))
        colours = strip if strip.mode == "RGB" else strip.convert("RGB")
        pixels = np.frombuffer(colours.tobytes("raw", "BGR"), np.uint8)
        yield pixels.reshape(strip.height, strip.width, 3)


def problem(error: Exception, data: bytes, messages: str = "") -> str:
    """What is wrong with a picture, with its decoder's messages, and what to do; without a name."""
    if isinstance(error, PictureError):
        return str(error)
    if isinstance(error, PIL.UnidentifiedImageError):
        if not data:
            return "is empty; get another copy"
        return f"{UNKNOWN}; supported formats: {', '.join(FORMATS)}"
    if isinstance(error, PIL.Image.DecompressionBombError):
        return "has too many pixels to be decoded; shrink it"
    if isinstance(error, MemoryError):
        return "does not fit into memory; shrink it"
    if isinstance(error, OSError) and error.errno is not None:
        return ADVICE.get(type(error)) or f"cannot be read: {error.strerror}"
    # What Pillow raises on hostile bytes has no common base.
    reason = " ".join(f"{error} {messages}".split()) or type(error).__name__
    return f"is broken ({reason}); get another copy"


def _formats(data: bytes) -> tuple[str, ...]:
    """The formats that a file may have."""
    if data[4:8] != b"ftyp" or "HEIF" not in FORMATS:
        return PILLOWS
    from pillow_heif import register_heif_opener  # slow to import

    register_heif_opener()
    return FORMATS


def _reduce(picture: PIL.Image.Image, request: Request) -> int:
    """Ask the decoder for a smaller picture; returns the factor by which the picture shrinks."""
    width, height = picture.size
    for by in sorted(request.reductions, reverse=True):
        if max(width, height) // by >= request.longest_px and min(width, height) >= by:
            return by if picture.draft(None, (width // by, height // by)) else 1
    return 1


def _extra(picture: Any, passes: int) -> int:  # each format has its own attributes
    """Bytes that a decoder needs in addition to the pixels."""
    pixels: int = picture.width * picture.height
    if picture.format in ("JPEG", "MPO"):
        # A JPEG of several scans is buffered as coefficients of two bytes.
        factors = [across * down for _, across, down, _ in picture.layer]
        return 2 * pixels * sum(factors) // max(*factors, 1) if passes != 1 else 0
    if picture.format == "TIFF":
        tags = picture.tag_v2
        bits = tags.get(BITS, (1,))
        samples = max(int(tags.get(SAMPLES, 1)), len(bits))
        width = int(tags.get(TILE_WIDTH, picture.width))
        rows = int(tags.get(TILE_HEIGHT, min(tags.get(STRIP, picture.height), picture.height)))
        return int(width * rows * samples * max(bits) // 8)
    return pixels * DECODERS.get(picture.format, 0)


def _crops(picture: PIL.Image.Image) -> Iterator[PIL.Image.Image]:
    width, height = picture.size
    rows = max(STRIP_PIXELS // width, 1)
    for top in range(0, height, rows):
        yield picture.crop((0, top, width, min(top + rows, height)))


def _eight_bits(values: npt.NDArray[Any], top: float) -> Image:
    """Grey of 16 bits, 32 bits or floats as uint8: Pillow's own conversion clips it at 255."""
    with np.errstate(invalid="ignore"):  # infinity times 0
        scaled = np.nan_to_num(values.astype(np.float32) * (255 / top), posinf=255, neginf=0)
    grey: Image = scaled.round().clip(0, 255).astype(np.uint8)
    return grey


def _white(picture: PIL.Image.Image) -> float:
    """The value of white. A few floats may be infinite or far above it."""
    step = picture.width * picture.height // 2**20 + 1
    peak, samples = 0.0, []
    for strip in _crops(picture):
        values = np.asarray(strip)
        positive = values[np.isfinite(values) & (values > 0)]
        peak = max(peak, float(positive.max(initial=0)))
        samples.append(positive[::step])
    if picture.mode != "F" or not peak:
        return next(top for top in INTEGER_TOPS if peak <= top)
    typical = float(np.percentile(np.concatenate(samples), 99))
    white = peak if peak <= 2 * typical else typical
    if white > OVERSHOOT and peak <= BRIGHT:
        return white
    return next((top for top in FLOAT_TOPS if white <= OVERSHOOT * top), white)


def _orientation(picture: PIL.Image.Image) -> int:
    try:
        return int(picture.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # the EXIF block is broken
        return 1
