"""A surgical mask over nose, mouth and chin, with pleats and ear loops."""

import numpy as np

from genderscope.core.types import Face, Image
from genderscope.data.counterfactuals._canvas import Canvas
from genderscope.data.counterfactuals._pose import lifted

KIND = "worn"
# BGR: light blue twice, white, pale green, black.
COLOURS = ((222, 205, 170), (228, 214, 186), (232, 232, 230), (196, 214, 180), (40, 38, 38))
TOP, BOTTOM, SIDE, NOSE = -0.05, 0.55, 0.4, 0.17


def surgical(picture: Image, face: Face, seed: int) -> Image:
    """The usual three-layer mask, in the usual colours."""
    canvas = Canvas(picture, face, seed)
    draw = canvas.draw
    colour = COLOURS[draw.integers(len(COLOURS))]
    top = TOP + draw.uniform(-0.04, 0.06)
    # From the left upper corner over the nose, down the right side and back under the chin.
    upper = np.linspace(-SIDE, SIDE, 25)
    over_nose = np.stack([upper, top + 0.13 * (abs(upper) / SIDE) ** 1.3], 1)
    right = np.array([(0.41, 0.15), (0.4, 0.23), (0.37, 0.34), (0.31, 0.43)])
    under = np.linspace(0.24, -0.24, 9)
    chin = np.stack([under, BOTTOM - 0.06 * (under / 0.24) ** 2], 1)
    edge = np.concatenate([over_nose, right, chin, right[::-1] * (-1, 1)])
    outline = _worn(edge)
    mouth = canvas.pose.mouth * 0.5 + canvas.pose.eyes * 0.5
    cloth = canvas.shape(outline, shift=mouth)
    canvas.multiply(0.72, canvas.shape(outline, shift=mouth, soft=0.03) * (1 - cloth))
    for side in (-1, 1):
        for start, end in (((0.395, top + 0.14), (0.49, -0.1)), ((0.31, 0.44), (0.49, 0.06))):
            if side * canvas.pose.yaw < 0.25:
                loop = lifted(np.array([start, end]) * (side, 1), 0.02)
                canvas.paint((205, 205, 205), canvas.shape(loop, shift=mouth, line=0.009) * 0.8)

    # Round over the face: darker towards the sides and below the nose's ridge.
    wide, down = canvas.x / 0.42, ((canvas.y - 0.14) / 0.42).clip(0, 2)
    round_ = 1.04 - 0.32 * wide**2 - 0.22 * down**2
    canvas.paint(colour, cloth, round_ * (1 + 0.008 * canvas.noise(0.006)))
    across = np.linspace(-0.39, 0.39, 25)
    for height in (0.16, 0.27, 0.38):
        for below, factor in ((0.0, 0.8), (0.014, 1.07)):
            fold = np.stack([across, height + below - 0.05 * (across / 0.39) ** 2], 1)
            line = canvas.shape(_worn(fold), shift=mouth, soft=0.006, line=0.014)
            canvas.multiply(factor, line * cloth)
    hem = _worn(over_nose + np.array([0, 0.025]))
    canvas.multiply(0.86, canvas.shape(hem, shift=mouth, soft=0.004, line=0.01) * cloth)
    return canvas.done()


def _worn(flat: np.ndarray) -> np.ndarray:
    """Places on the mask: on the face, and out over the nose and the mouth."""
    out = np.exp(-((flat[:, 0] / NOSE) ** 2)) * np.exp(-(((flat[:, 1] - 0.12) / 0.26) ** 2))
    places = lifted(flat, 0.02)
    places[:, 2] += 0.17 * out
    return places


CONDITIONS = {"surgical mask": surgical}
