"""Glasses: frames of metal or acetate in several shapes, with clear or dark lenses."""

import numpy as np
import numpy.typing as npt

from genderscope.core.types import Face, Image
from genderscope.data.counterfactuals._canvas import Canvas

KIND = "worn"
EYE_X, EYE_Y = 0.2, -0.172
# BGR: black, tortoise, black, brown, dark blue; and gold, silver, gunmetal.
ACETATE = ((22, 20, 20), (30, 42, 66), (34, 32, 32), (26, 32, 44), (52, 38, 32))
METAL = ((80, 140, 170), (165, 165, 165), (60, 57, 55))
# BGR transmission of dark lenses: grey, brown, green.
DARK = ((0.13, 0.13, 0.13), (0.09, 0.13, 0.18), (0.11, 0.16, 0.12))

Outline = npt.NDArray[np.float64]


def clear(picture: Image, face: Face, seed: int) -> Image:
    """Clear glasses with a faint reflection."""
    return _worn(picture, face, seed, dark=False)


def dark(picture: Image, face: Face, seed: int) -> Image:
    """Sunglasses, larger and slightly transparent."""
    return _worn(picture, face, seed, dark=True)


def _worn(picture: Image, face: Face, seed: int, *, dark: bool) -> Image:
    canvas = Canvas(picture, face, seed)
    draw = canvas.draw
    metal = draw.random() < 0.4
    colours = METAL if metal else ACETATE
    colour = colours[draw.integers(len(colours))]
    width = draw.uniform(0.006, 0.01) if metal else draw.uniform(0.012, 0.028)
    lens = _lens(draw, dark)
    lenses = [_placed(lens * (side, 1), side) for side in (-1, 1)]
    eyes = canvas.pose.eyes
    glass = np.maximum(*(canvas.shape(outline, shift=eyes) for outline in lenses))

    # The frame's shadow on the cheeks, then the glass, then the frame.
    for outline in lenses:
        below = eyes + 0.03 * canvas.pose.scale * 1j
        rim = np.concatenate([outline, outline[:1]])
        canvas.multiply(0.8, canvas.shape(rim, shift=below, soft=0.012, line=width * 1.4))
    if dark:
        canvas.multiply(DARK[draw.integers(len(DARK))], glass)
        canvas.paint((40, 38, 36), glass * 0.35, 0.55)
    else:
        canvas.paint((215, 215, 210), glass * draw.uniform(0.03, 0.07))
    canvas.glow(1, glass * _reflection(canvas, draw, dark))
    rims = [canvas.shape(np.concatenate([o, o[:2]]), shift=eyes, line=width) for o in lenses]
    rest = _rest(lens, width, canvas.pose.yaw)
    rims += [canvas.shape(part, shift=eyes, line=thick) for part, thick in rest]
    frame = np.maximum.reduce(rims)
    canvas.paint(colour, frame)
    # Light from above catches the upper edge of the rims.
    up = eyes - width * 0.3j * canvas.pose.scale
    edge = np.maximum(*(canvas.shape(o, shift=up, line=width * 0.3) for o in lenses))
    canvas.glow(0.35 if metal else 0.12, edge * frame)
    return canvas.done()


def _lens(draw: np.random.Generator, dark: bool) -> Outline:
    """The right lens's outline around its centre, (n, 2): round, oval, square or aviator."""
    angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    power = draw.uniform(2, 4.5)
    across = draw.uniform(0.15, 0.172) + (0.012 if dark else 0)
    down = across * draw.uniform(0.68, 0.95 if power < 3 else 0.82) + (0.008 if dark else 0)
    x, y = (np.sign(v) * abs(v) ** (2 / power) for v in (np.cos(angle), np.sin(angle)))
    narrow = draw.uniform(0, 0.16)
    x, y = x * across * (1 - narrow * (y + 1) / 2), y * down
    y = y - draw.uniform(0, 0.1) * x  # the outer corners rise
    return np.stack([x, y], 1)


def _placed(lens: Outline, side: int) -> Outline:
    """A lens in front of its eye; the frame curves towards the temples."""
    x, y = lens[:, 0] + side * (EYE_X + 0.012), lens[:, 1] + EYE_Y + 0.025
    return np.stack([x, y, _front(x)], 1)


def _front(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 0.09 - 0.35 * x**2


def _rest(lens: Outline, width: float, yaw: float) -> list[tuple[Outline, float]]:
    """The bridge over the nose and the arms back to the ears, with their widths."""
    inner = EYE_X + 0.012 + lens[:, 0].min()
    outer = EYE_X + 0.012 + lens[:, 0].max()
    top = EYE_Y + 0.025 + lens[:, 1].min() * 0.45
    across = np.linspace(-inner, inner, 12)
    arch = top - 0.03 * (1 - (across / inner) ** 2)
    parts = [(np.stack([across, arch, _front(across) + 0.02], 1), width * 1.1)]
    for side in (-1, 1):
        hinge = [side * outer, top, float(_front(np.array(outer)))]
        corner = [side * (outer + 0.02), top, hinge[2] - 0.03]
        ear = [side * 0.5, top, -0.55]
        # The face of a turned head hides the arm on the far side.
        if side * yaw < 0.12:
            parts.append((np.array([hinge, corner, ear]), width * 0.9))
    return parts


def _reflection(canvas: Canvas, draw: np.random.Generator, dark: bool) -> npt.NDArray[np.float32]:
    """A slanted band of reflected light on each lens, and the sky above it."""
    from_eye = abs(canvas.x) - EYE_X, canvas.y - EYE_Y - 0.025
    slant = np.sign(canvas.x) * from_eye[0] * draw.uniform(0.6, 1.0) + from_eye[1]
    place, wide = draw.uniform(-0.09, 0.05), draw.uniform(0.02, 0.05)
    band = np.exp(-(((slant - place) / wide) ** 2)) * draw.uniform(0.02, 0.12)
    sky = (0.5 - from_eye[1] / 0.2).clip(0, 1) * (0.1 if dark else 0.02)
    reflected: npt.NDArray[np.float32] = (band + sky).astype(np.float32)
    return reflected


CONDITIONS = {"clear glasses": clear, "dark glasses": dark}
