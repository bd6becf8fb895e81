"""The part of a picture around a face, on which objects are painted realistically.

Outlines are drawn enlarged, then shrunk, for smooth edges. Paint takes on the light, saturation
and sharpness of the picture.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from genderscope.core.types import Face, Image
from genderscope.data.counterfactuals._pose import pose

Layer = npt.NDArray[Any]  # (height, width) of the part, mostly 0-1

REACH = 1.3  # how far the part reaches from the face's centre, in units of the pose
GREY = np.array([0.114, 0.587, 0.299], np.float32)
FINE_BITS = 4
LARGE_PX = 640
OWN_BLUR = 0.5


class Canvas:
    """A picture and its face, to paint on; ``done`` returns the painted picture. ``pixels`` are the
    part that can be painted on, (h, w, 3) float32 BGR; ``x`` and ``y``, (h, w), each pixel's
    position on a frontal head in the pose's unit, which is ``unit`` pixels. ``light`` is the light
    on each pixel relative to the face's centre, (h, w); ``draw`` the seed's random generator.
    """

    def __init__(self, picture: Image, face: Face, seed: int) -> None:
        self._picture = picture
        self.pose = pose(face)
        self.draw = np.random.default_rng(seed)
        self.unit = abs(self.pose.scale)
        centre, reach = self.pose.origin, REACH * self.unit
        height, width = picture.shape[:2]
        (left, right), (top, bottom) = (
            (int(np.clip(v - reach, 0, end - 1)), int(np.clip(v + reach, 0, end - 1)) + 1)
            for v, end in ((centre.real, width), (centre.imag, height))
        )
        self._corner = complex(left, top)
        self._part = (slice(top, bottom), slice(left, right))
        self.pixels = picture[self._part].astype(np.float32)
        self._zoom = int(np.clip(LARGE_PX // max(self.pixels.shape), 1, 4))
        rows, columns = np.mgrid[top:bottom, left:right]
        position = (columns + 1j * rows - centre) / self.pose.scale
        self.x, self.y = position.real.astype(np.float32), position.imag.astype(np.float32)
        grey = self.pixels @ GREY
        inner = (self.x / 0.4) ** 2 + (self.y / 0.5) ** 2 < 1
        if inner.sum() < 16:
            inner = np.ones_like(inner)
        self.light = self._light(grey, inner)
        # The brightest pixels of the face and around it measure the exposure.
        bright = max(np.percentile(grey[inner], 95), 0.6 * np.percentile(grey, 97))
        self._exposure = float(np.clip(bright / 200, 0.25, 1.1))
        # The light's colour by shades of grey (Finlayson and Trezzi 2004), at half strength.
        shades = (self.pixels.reshape(-1, 3) ** 6).mean(0) ** (1 / 6) + 1
        self._tint = (shades / (shades @ GREY)) ** 0.5
        chroma = np.ptp(self.pixels[inner], axis=-1).mean() / max(grey[inner].mean(), 1)
        self._colourful = float(np.clip(chroma / 0.35, 0, 1))
        self.blur_px = _blur_px(grey)

    def _light(self, grey: Layer, inner: npt.NDArray[np.bool_]) -> Layer:
        """A plane fitted to the face's brightness, for the direction of the light."""
        terms = np.stack([np.ones_like(self.x), self.x, self.y], -1)
        plane = np.linalg.lstsq(terms[inner], grey[inner], rcond=None)[0]
        # Hair, beards and shadows tilt the plane too: half of its slope counts as light.
        slope = (terms[..., 1:] @ plane[1:]) / max(plane[0], 16) / 2
        return np.asarray((1 + slope).clip(0.6, 1.35))

    def shape(
        self, outline: npt.ArrayLike, *, shift: complex = 0, soft: float = 0, line: float = 0
    ) -> Layer:
        """How much of each pixel an outline on the head covers, 0-1: (n, 3) points of the pose,
        shifted by pixels, such as ``pose.eyes``; filled, or an open line ``line`` units wide; its
        edge blurred by ``soft`` units.
        """
        height, width = self.pixels.shape[:2]
        zoom = self._zoom
        drawn = np.zeros((height * zoom, width * zoom), np.uint8)
        half = 0.5 + 0.5j  # coordinates are those of pixel centres
        points = (self.pose.project(outline) + shift - self._corner + half) * zoom - half
        fine = np.stack([points.real, points.imag], -1) * 2**FINE_BITS
        fine = fine.clip(-(2**20), 2**20).round().astype(np.int32)
        if line:
            thick = line * self.unit * zoom
            cv2.polylines(drawn, [fine], False, 255, max(round(thick), 1), cv2.LINE_AA, FINE_BITS)
            strength = min(thick, 1) / 255
        else:
            cv2.fillPoly(drawn, [fine], 255, cv2.LINE_AA, FINE_BITS)
            strength = 1 / 255
        layer = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA) * strength
        sigma = float(np.hypot(soft * self.unit, self.blur_px))
        return layer if sigma < 0.3 else cv2.GaussianBlur(layer, (0, 0), sigma)

    def noise(self, size: float, across: float = 1) -> Layer:
        """Noise of deviation 1, in spots ``size`` units high and ``across`` times as wide."""
        grain = self.draw.standard_normal(self.pixels.shape[:2])
        sigma = max(size * self.unit, 0.4)
        spots = cv2.GaussianBlur(grain, (0, 0), sigma * across, sigmaY=sigma)
        return spots / max(float(spots.std()), 1e-6)

    def paint(self, colour: npt.ArrayLike, cover: Layer, shade: Layer | float = 1.0) -> None:
        """Cover the picture with a surface that is lit like the face: its BGR colour in white
        light, 0-255, its opacity, and a factor of its brightness.
        """
        paint: Layer = np.asarray(colour, np.float32)
        grey = paint @ GREY
        paint = (grey + (paint - grey) * self._colourful) * self._tint
        lit = (self._exposure * self.light * shade)[..., None] * paint
        self.pixels += cover[..., None] * (lit.clip(0, 255) - self.pixels)

    def multiply(self, factor: npt.ArrayLike, cover: Layer) -> None:
        """Darken or tint the picture, as shadows and coloured glass do."""
        tint: Layer = np.asarray(factor, np.float32)
        if tint.ndim:
            tint = tint @ GREY + (tint - tint @ GREY) * self._colourful
        self.pixels *= 1 + cover[..., None] * (tint - 1)

    def glow(self, amount: float, cover: Layer) -> None:
        """Add light, as reflections do."""
        self.pixels += (cover * (amount * 255 * self._exposure))[..., None]

    def done(self) -> Image:
        """The painted picture."""
        painted = self._picture.copy()
        painted[self._part] = np.rint(self.pixels).clip(0, 255).astype(np.uint8)
        return painted


def _blur_px(grey: Layer) -> float:
    """The blur of a picture, as the deviation of a Gaussian in pixels.

    In a picture with natural amplitudes, which fall with the frequency, and a blur of s, blurring
    by one more pixel removes 1 / (s^2 + 1) of the gradients' energy (compare Crete et al. 2007).
    """
    blurred = cv2.GaussianBlur(grey, (0, 0), 1)
    before, after = (
        float(sum((np.diff(g, axis=k) ** 2).sum() for k in (0, 1))) for g in (grey, blurred)
    )
    if before <= 0:
        return OWN_BLUR
    share = min(after / before, 0.95)
    return float(np.sqrt(max(share / (1 - share) - OWN_BLUR**2, 0)))
