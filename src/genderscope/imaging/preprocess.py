"""The only preprocessing: from a picture and a face to the network's input.

``PreprocessSpec`` holds every setting and is stored in each exported model, so training, evaluation
and inference cannot drift apart. A crop is a square window in the picture, written as two complex
numbers: the point ``u`` of the unit square around 0 lies at ``a * u + b`` in the picture, so
``abs(a)`` is the window's side in pixels and ``angle(a)`` the face's roll.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any, Literal, TypeVar, get_args, get_type_hints

import cv2
import numpy as np
import numpy.typing as npt

from genderscope.core.errors import FaceOutsidePicture
from genderscope.core.types import Box, Face, Image

Array = TypeVar("Array", bound=Any)
SMALLEST_PX, LARGEST_PX = 8, 512  # sides of crops


@dataclass(frozen=True, slots=True)
class PreprocessSpec:
    """How a face becomes the network's input.

    Attributes:
        size: side of the crop in pixels.
        margin_ratio: added on each side of the face's box, as a share of the box.
        alignment: ``landmarks`` fits the window to the five landmarks by least squares (rotation,
            shift and scale) where the detector gives them, else to the box; ``none`` uses the box.
        squaring: ``pad`` fills the box's short side with padding, ``expand`` with more of the
            picture.
        padding: outside the picture: random ``noise`` (seeded in inference, fresh in training) or
            the repeated ``edge``.
        colour: ``grey`` or ``bgr``.
        scaling: ``std`` divides by the standard deviation of the crop's pixels, ``mean_std``
            subtracts their mean first.
        dtype: of the network's input.
    """

    name: str
    size: int = 64
    margin_ratio: float = 0.4
    alignment: Literal["none", "landmarks"] = "none"
    squaring: Literal["pad", "expand"] = "pad"
    padding: Literal["noise", "edge"] = "noise"
    colour: Literal["grey", "bgr"] = "grey"
    scaling: Literal["std", "mean_std"] = "std"
    dtype: Literal["float16", "float32"] = "float16"

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(PreprocessSpec).items():
            if (choices := get_args(kind)) and getattr(self, name) not in choices:
                raise ValueError(f"{name} is one of {choices}, not {getattr(self, name)!r}")
        if type(self.size) is not int or not SMALLEST_PX <= self.size <= LARGEST_PX:
            raise ValueError(
                f"size is a whole number of {SMALLEST_PX} to {LARGEST_PX} pixels, not {self.size!r}"
            )
        if not -0.4 <= self.margin_ratio <= 4:
            raise ValueError(f"margin_ratio lies between -0.4 and 4, not {self.margin_ratio}")

    @property
    def channels(self) -> int:
        return 1 if self.colour == "grey" else 3

    @property
    def crop_shape(self) -> tuple[int, ...]:
        """The shape of a crop: (size, size) or (size, size, 3)."""
        return (self.size, self.size) if self.colour == "grey" else (self.size, self.size, 3)

    @classmethod
    def refuse_unknown(cls, names: Iterable[str]) -> None:
        """``ValueError`` for an unknown field, since ignoring it would change the crop."""
        if unknown := set(names) - {field.name for field in fields(cls)}:
            raise ValueError(f"this version does not know {', '.join(sorted(unknown))}")


ALIGNED = PreprocessSpec(
    "aligned",
    margin_ratio=0.05,
    alignment="landmarks",
    squaring="expand",
    padding="edge",
    scaling="mean_std",
    dtype="float32",
)
# Colour at the size of the grey crops, to measure what grey costs.
COLOUR = replace(ALIGNED, name="aligned-colour", colour="bgr")
# Hair, neck and more pixels, for the pre-trained network.
WIDE = replace(COLOUR, name="aligned-wide", size=112, margin_ratio=0.2)
# The preprocessing of the IMDB training set of Arriaga et al. 2017 (arXiv:1710.07557).
PAPER = PreprocessSpec("paper")
PRESETS = {spec.name: spec for spec in (PAPER, ALIGNED, COLOUR, WIDE)}


def window(face: Face, spec: PreprocessSpec) -> tuple[complex, complex]:
    """The square of the picture that becomes the crop, as the (a, b) of ``a * u + b``."""
    zoom = 1 + 2 * spec.margin_ratio
    a, b = face.fit(spec.alignment == "landmarks")
    return a * zoom, b


def whole(image: Image, spec: PreprocessSpec) -> Face:
    """A face whose crop is the whole picture, (height, width, 3), for ready-made crops."""
    height, width = image.shape[:2]
    zoom = 1 + 2 * spec.margin_ratio
    left, top = (1 - 1 / zoom) / 2 * width, (1 - 1 / zoom) / 2 * height
    return Face(Box(left, top, width / zoom, height / zoom))


def cut(
    image: Image, face: Face, spec: PreprocessSpec, surround: int = 0
) -> tuple[Image, npt.NDArray[np.bool_]]:
    """Cut a face out, with ``surround`` more pixels on every side at the same scale.

    The centre of a crop with surround equals the crop without, pixel for pixel: training augments
    the wide crop, and validates on the same crops as inference.

    Args:
        image: (height, width, 3) uint8 BGR.

    Returns:
        The crop, (size, size[, 3]) uint8, and the mask of the picture as opposed to padding, (size,
        size) bool; size includes the surround.

    Raises:
        FaceOutsidePicture: the window lies outside the picture.
    """
    a, b = window(face, spec)
    height, width = image.shape[:2]
    side = spec.size + 2 * surround
    # Bilinear sampling aliases below half size, so average whole blocks first.
    block = max(min(int(abs(a) / spec.size), height, width), 1)
    reach = side / spec.size * (abs(a.real) + abs(a.imag)) / 2 + 2 * block
    left, top = (max(int(v - reach) // block * block, 0) for v in (b.real, b.imag))
    right, bottom = (min(int(v + reach), end) for v, end in ((b.real, width), (b.imag, height)))
    columns, rows = (right - left) // block, (bottom - top) // block
    if columns < 1 or rows < 1:
        raise FaceOutsidePicture(f"the face's box lies outside the picture of {width} x {height}")
    part = image[top : top + rows * block, left : left + columns * block]
    if block > 1:
        part = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.uint8)

    # Sampling points in the picture, then in the part, whose pixel centres OpenCV puts at integers.
    # Rounded to OpenCV's step of 1/32 pixel, they make the crop independent of the part's origin.
    unit = _grid(spec.size, surround)
    place = a * unit + b
    x, y = place.real.copy(), place.imag.copy()  # contiguous arrays are several times faster
    across, down = (
        (np.rint(((v - start) / block - 0.5) * 32) / 32).astype(np.float32)
        for v, start in ((x, left), (y, top))
    )
    crop = cv2.remap(part, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if spec.colour == "grey":
        crop = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    visible = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    if spec.squaring == "pad":
        width, height = face.box.width, face.box.height
        if round(face.turn_deg / 90) % 2:
            width, height = height, width
        if width < height:
            visible &= abs(unit.real) <= width / height / 2
        if height < width:
            visible &= abs(unit.imag) <= height / width / 2
    if spec.padding == "noise":
        hidden = ~visible if spec.colour == "grey" else ~visible[..., None]
        np.copyto(crop, _noise(spec.size, surround, spec.channels), where=hidden)
    return crop.astype(np.uint8, copy=False), visible


def crop(image: Image, face: Face, spec: PreprocessSpec) -> Image:
    """The crop of a face: see ``cut``."""
    return cut(image, face, spec)[0]


def scale(pixels: Array, spec: PreprocessSpec) -> Array:
    """Normalise pixels, (n, channels, size, size) floats of NumPy or torch, for the network."""
    axes = (1, 2, 3)
    mean = pixels.mean(axis=axes, keepdims=True)
    deviation = ((pixels - mean) ** 2).mean(axis=axes, keepdims=True) ** 0.5
    deviation = deviation.clip(1.0)  # of 255: a flat crop's noise is not amplified
    scaled: Array = (pixels - mean if spec.scaling == "mean_std" else pixels) / deviation
    return scaled


def to_input(crops: npt.NDArray[np.uint8], spec: PreprocessSpec) -> npt.NDArray[Any]:
    """Crops (n, size, size[, 3]) uint8 to the network's input (n, channels, size, size)."""
    pixels = crops[:, None] if spec.colour == "grey" else crops.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(scale(pixels.astype(np.float32), spec), spec.dtype)


@lru_cache
def _grid(size: int, surround: int) -> npt.NDArray[np.complex128]:
    """Each pixel's centre in the unit square: -0.5 to 0.5 inside, beyond in the surround."""
    axis = (np.arange(-surround, size + surround) + 0.5) / size - 0.5
    return axis + 1j * axis[:, None]


@lru_cache
def _noise(size: int, surround: int, channels: int) -> Image:
    """Fixed noise, tiled so that the centre is the same for every surround."""
    shape = (size, size) if channels == 1 else (size, size, channels)
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    wrapped = np.arange(-surround, size + surround) % size
    return noise[wrapped][:, wrapped]
