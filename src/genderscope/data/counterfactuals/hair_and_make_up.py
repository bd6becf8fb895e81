"""Beards, moustaches, lipstick and eye make-up, as shades on the skin.

They are cues of gender presentation: a changed prediction is not by itself an error.
"""

import numpy as np

from genderscope.core.types import Face, Floats, Image
from genderscope.data.counterfactuals._canvas import Canvas, Layer
from genderscope.data.counterfactuals._pose import lifted

KIND = "cue"
# BGR: black, dark brown, brown, grey.
HAIRS = ((24, 24, 26), (30, 38, 50), (44, 62, 88), (120, 122, 124))
# BGR: red, dark red, rose, berry.
LIPSTICKS = ((40, 30, 190), (38, 22, 130), (110, 90, 205), (90, 40, 150))
# BGR: brown, smoke, violet, blue.
SHADOWS = ((60, 80, 120), (70, 66, 66), (110, 70, 100), (130, 90, 60))
MOUTH_X, MOUTH_Y = 0.168, 0.218


def beard(picture: Image, face: Face, seed: int) -> Image:
    """A full beard, short or close-cropped, with a moustache."""
    canvas = Canvas(picture, face, seed)
    whole = canvas.shape(lifted(_jaw(), 0.01), shift=canvas.pose.mouth * 0.7, soft=0.03)
    hair = np.maximum(whole * (1 - 0.6 * _mouth(canvas)), _moustache(canvas, 0.95))
    _grow(canvas, hair * (1 - _lips(canvas)), canvas.draw.uniform(0.65, 0.9))
    return canvas.done()


def moustache(picture: Image, face: Face, seed: int) -> Image:
    """A moustache between nose and mouth."""
    canvas = Canvas(picture, face, seed)
    _grow(canvas, _moustache(canvas, 1.0), canvas.draw.uniform(0.75, 0.92))
    return canvas.done()


def lipstick(picture: Image, face: Face, seed: int) -> Image:
    """Coloured lips. Brighter and greyer pixels, such as teeth, stay as they are."""
    canvas = Canvas(picture, face, seed)
    lips = _lips(canvas) * _not_teeth(canvas)
    colour = np.array(LIPSTICKS[canvas.draw.integers(len(LIPSTICKS))], np.float32)
    canvas.multiply(colour / 200, lips * 0.75)
    canvas.paint(colour, lips * 0.3)
    return canvas.done()


def eyes(picture: Image, face: Face, seed: int) -> Image:
    """Eyeliner, lashes, and shadow on the upper lids."""
    canvas = Canvas(picture, face, seed)
    shade = np.array(SHADOWS[canvas.draw.integers(len(SHADOWS))], np.float32)
    shift = canvas.pose.eyes
    # The far eye of a turned head is hidden or nearly so.
    for side in (side for side in (-1, 1) if side * canvas.pose.yaw < 0.65):
        lid = _almond(side, 0.105, -0.065, -0.02)
        canvas.multiply(shade / 180, canvas.shape(lid, shift=shift, soft=0.02) * 0.75)
        for height, thick, dark in ((-0.036, 0.016, 0.15), (0.03, 0.008, 0.4)):
            line = _curve(side, 0.088, height)
            canvas.multiply(dark, canvas.shape(line, shift=shift, soft=0.004, line=thick) * 0.9)
        lashes = np.array([(0.085, -0.01), (0.108, -0.03)])
        line = canvas.shape(_at_eye(lashes, side), shift=shift, soft=0.004, line=0.012)
        canvas.multiply(0.25, line)
    return canvas.done()


def _grow(canvas: Canvas, hair: Layer, dense: float) -> None:
    """Paint hair on the skin, in strands and thinner at the edges."""
    colour = HAIRS[canvas.draw.choice(len(HAIRS), p=(0.45, 0.35, 0.15, 0.05))]
    strands = 0.6 * canvas.noise(0.012, 0.4) + 0.4 * canvas.noise(0.03)
    cover = (hair * dense * (1 + 0.15 * strands)).clip(0, 1)
    canvas.multiply(0.5, hair * 0.6)
    canvas.paint(colour, cover, (1 + 0.25 * strands).clip(0.4, 1.3))


def _jaw() -> Floats:
    """The outline from sideburn to sideburn below the cheeks, and back along the jaw."""
    upper = np.array(
        [
            *((-0.43, -0.1), (-0.4, 0.02), (-0.36, 0.12), (-0.29, 0.19), (-0.2, 0.16)),
            *((-0.12, 0.12), (0.0, 0.1)),
        ]
    )
    lower = np.array([(0, 0.57), (0.17, 0.54), (0.31, 0.43), (0.41, 0.24), (0.47, 0), (0.47, -0.1)])
    return np.concatenate([upper, upper[-2::-1] * (-1, 1), lower[::-1], lower * (-1, 1)])


def _moustache(canvas: Canvas, size: float) -> Layer:
    x = np.linspace(-1, 1, 31)
    droop = 0.045 * abs(x) ** 2.5
    top = MOUTH_Y - 0.085 + 0.07 * abs(x) ** 1.6
    bottom = MOUTH_Y - 0.03 - 0.006 * np.cos(3 * np.pi * x) + droop
    wide = 0.19 * size
    outline = np.concatenate([np.stack([x * wide, top], 1), np.stack([x * wide, bottom], 1)[::-1]])
    return canvas.shape(lifted(outline, 0.06), shift=canvas.pose.mouth, soft=0.01)


def _mouth(canvas: Canvas) -> Layer:
    """The lips and the barer skin around them."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    oval = np.stack([0.16 * np.cos(angle), MOUTH_Y + 0.07 * np.sin(angle)], 1)
    return canvas.shape(lifted(oval, 0.05), shift=canvas.pose.mouth, soft=0.02)


def _lips(canvas: Canvas) -> Layer:
    x = np.linspace(-1, 1, 41)
    bow = 1 - abs(x) ** 1.8 - 0.22 * np.exp(-((x / 0.12) ** 2))
    upper = np.stack([x * MOUTH_X * 0.97, MOUTH_Y - 0.055 * bow], 1)
    lower = np.stack([x * MOUTH_X * 0.97, MOUTH_Y + 0.085 * (1 - x**2)], 1)
    outline = lifted(np.concatenate([upper, lower[::-1]]), 0.04)
    return canvas.shape(outline, shift=canvas.pose.mouth, soft=0.008)


def _not_teeth(canvas: Canvas) -> Layer:
    """1 on coloured pixels, less on nearly grey ones such as teeth; 1 in a grey picture."""
    pixels = canvas.pixels
    bright, spread = pixels.mean(-1), np.ptp(pixels, axis=-1)
    grey = 1 - (spread / (0.3 * bright + 1)).clip(0, 1)
    coloured = (1 - 1.3 * grey).clip(0, 1).astype(np.float32)
    return coloured if spread.mean() > 12 else np.ones_like(bright)


def _at_eye(flat: Floats, side: int) -> Floats:
    from_middle = flat * (side, 1) + (side * 0.198, -0.172)
    return lifted(from_middle, 0.01)


def _curve(side: int, half: float, height: float) -> Floats:
    x = np.linspace(-1, 1, 21)
    return _at_eye(np.stack([x * half, height * (1 - x**2) - 0.008 * x], 1), side)


def _almond(side: int, half: float, top: float, bottom: float) -> Floats:
    return np.concatenate([_curve(side, half, top), _curve(side, half, bottom)[::-1]])


CONDITIONS = {"beard": beard, "moustache": moustache, "lipstick": lipstick, "eye make-up": eyes}
