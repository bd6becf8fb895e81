"""Covered hair: a head scarf around the face, and a knitted hat."""

import numpy as np
import numpy.typing as npt

from genderscope.core.types import Face, Image
from genderscope.data.counterfactuals._canvas import Canvas
from genderscope.data.counterfactuals._pose import lifted

KIND = "worn"
# BGR: black, navy, burgundy, brown, sand, grey, bottle green, off-white.
CLOTHS = (
    *((30, 28, 28), (82, 52, 36), (48, 28, 104), (56, 70, 88)),
    *((150, 178, 200), (128, 126, 124), (66, 78, 40), (222, 226, 230)),
)
# A scarf's outline from the left shoulder to the crown.
AROUND = np.array(
    [
        *((-1.3, 1.5), (-0.95, 1.0), (-0.68, 0.68), (-0.61, 0.3), (-0.61, -0.1), (-0.6, -0.4)),
        *((-0.54, -0.62), (-0.43, -0.79), (-0.29, -0.9), (-0.15, -0.95), (0, -0.97)),
    ]
)


def scarf(picture: Image, face: Face, seed: int) -> Image:
    """A scarf over hair, ears and neck, folded around the oval of the face."""
    canvas = Canvas(picture, face, seed)
    draw = canvas.draw
    colour = CLOTHS[draw.integers(len(CLOTHS))]
    opening = _opening(draw.uniform(-0.45, -0.38), canvas.pose.yaw)
    outer = np.concatenate([AROUND, AROUND[-2::-1] * (-1, 1)])
    behind = np.concatenate([outer, np.full((len(outer), 1), -0.25)], 1)
    face_layer, around = canvas.shape(opening), canvas.shape(behind)
    cloth = (around - face_layer).clip(0, 1)

    # The cloth's shadow on the face.
    inside = canvas.shape(opening * (0.96, 0.965, 1), soft=0.035)
    canvas.multiply(0.55, face_layer * around * (1 - inside))
    # Folds wind around the face, more of them below the chin.
    turn, away = np.arctan2(canvas.x, -canvas.y), np.hypot(canvas.x / 0.4, canvas.y / 0.5)
    bent = 1.5 * canvas.noise(0.13)
    one_way = draw.choice([-1, 1])
    folds = (
        np.sin(11 * away + one_way * turn + bent) + 0.6 * np.sin(23 * away - 2 * turn + 1.7 * bent)
    ) * (0.55 + 0.45 * np.tanh(3 * canvas.y))
    shade = 0.93 + 0.1 * folds - 0.3 * (away - 1.2).clip(0, 1) + 0.008 * canvas.noise(0.006)
    canvas.paint(colour, cloth, shade)
    hem = np.concatenate([opening, opening[:1]])
    for out, factor, wide in ((1.03, 1.06, 0.02), (1.07, 0.82, 0.012)):
        line = canvas.shape(hem * (out, out, 1), soft=0.006, line=wide)
        canvas.multiply(factor, line * cloth)
    return canvas.done()


def _opening(brow: float, yaw: float) -> npt.NDArray[np.float64]:
    """The scarf's edge around a face: flat over the brow, narrower at the chin."""
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    across, down = np.sin(angle), -np.cos(angle)
    x = 0.405 * np.sign(across) * abs(across) ** 0.85 * (1 - 0.2 * down.clip(0) ** 2)
    y = np.where(down < 0, -brow * np.sign(down) * abs(down) ** 0.8, 0.53 * down)
    edge = lifted(np.stack([x, y], 1), 0.01)
    # The face of a turned head hides the edge on the far side.
    edge[:, 2] += 0.6 * (x * np.sin(yaw)).clip(0)
    return edge


def hat(picture: Image, face: Face, seed: int) -> Image:
    """A knitted hat with a turned-up band, down to the forehead."""
    canvas = Canvas(picture, face, seed)
    draw = canvas.draw
    colour = CLOTHS[draw.integers(len(CLOTHS))]
    rim = draw.uniform(-0.37, -0.3)
    across = np.linspace(-0.5, 0.5, 41)
    low = rim + 0.09 * (across / 0.5) ** 2
    band_low = _around(across, low)
    band_high = _around(across, low - 0.19)
    top = np.linspace(np.pi, 0, 41)
    dome = np.stack([0.53 * np.cos(top), rim - 0.12 - 0.55 * np.sin(top)], 1)
    dome = np.concatenate([dome, np.full((41, 1), -0.2)], 1)
    whole = canvas.shape(np.concatenate([band_low, dome[::-1]]))
    band = canvas.shape(np.concatenate([band_low, band_high[::-1]]))
    shadow = _around(across * 0.97, low + 0.03)
    below = canvas.shape(np.concatenate([shadow, dome[::-1]]), soft=0.02)
    canvas.multiply(0.6, below * (1 - whole))
    ribs = np.sin(np.arcsin((canvas.x / 0.56).clip(-1, 1)) * 75 + draw.uniform(0, 6))
    round_ = 1.02 - 0.4 * (canvas.x / 0.5) ** 2
    knit = 1 + 0.02 * canvas.noise(0.008)
    canvas.paint(colour, whole, (round_ * (1 + 0.05 * ribs) * knit * 0.92).astype(np.float32))
    canvas.paint(colour, band, (round_ * (1 + 0.09 * ribs) * knit * 1.05).astype(np.float32))
    canvas.multiply(0.62, canvas.shape(band_high, soft=0.008, line=0.022) * whole)
    canvas.multiply(0.75, canvas.shape(band_low - (0, 0.01, 0), soft=0.006, line=0.016) * whole)
    return canvas.done()


def _around(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Points on a band around the head, at the depth of the forehead."""
    depth = 0.5 * np.sqrt((1 - (x / 0.53) ** 2).clip(0)) - 0.42
    return np.stack([x, y, depth], 1)


CONDITIONS = {"head scarf": scarf, "hat": hat}
