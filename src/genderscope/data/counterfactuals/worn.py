"""Worn objects: a head scarf, a knitted hat, clear and dark glasses, a surgical mask."""

from functools import partial

import numpy as np
import numpy.typing as npt

from genderscope.core.types import Face, Floats, Image
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
EYE_X, EYE_Y = 0.2, -0.172  # of the right eye
# BGR: black, tortoise, black, brown, dark blue; and gold, silver, gunmetal.
ACETATE = ((22, 20, 20), (30, 42, 66), (34, 32, 32), (26, 32, 44), (52, 38, 32))
METAL = ((80, 140, 170), (165, 165, 165), (60, 57, 55))
# BGR transmission of dark lenses: grey, brown, green.
DARK = ((0.13, 0.13, 0.13), (0.09, 0.13, 0.18), (0.11, 0.16, 0.12))
# BGR: light blue twice, white, pale green, black.
MASKS = ((222, 205, 170), (228, 214, 186), (232, 232, 230), (196, 214, 180), (40, 38, 38))
TOP, BOTTOM, SIDE, NOSE = -0.05, 0.55, 0.4, 0.17


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


def _opening(brow: float, yaw: float) -> Floats:
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
    shade = 1.02 - 0.4 * (canvas.x / 0.5) ** 2
    knit = 1 + 0.02 * canvas.noise(0.008)
    canvas.paint(colour, whole, (shade * (1 + 0.05 * ribs) * knit * 0.92).astype(np.float32))
    canvas.paint(colour, band, (shade * (1 + 0.09 * ribs) * knit * 1.05).astype(np.float32))
    canvas.multiply(0.62, canvas.shape(band_high, soft=0.008, line=0.022) * whole)
    canvas.multiply(0.75, canvas.shape(band_low - (0, 0.01, 0), soft=0.006, line=0.016) * whole)
    return canvas.done()


def _around(x: Floats, y: Floats) -> Floats:
    """Points on a band around the head, at the depth of the forehead."""
    depth = 0.5 * np.sqrt((1 - (x / 0.53) ** 2).clip(0)) - 0.42
    return np.stack([x, y, depth], 1)


def glasses(picture: Image, face: Face, seed: int, *, dark: bool) -> Image:
    """Metal or acetate glasses: clear with a faint reflection, or larger and dark."""
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
    others = _bridge_and_arms(lens, width, canvas.pose.yaw)
    rims += [canvas.shape(part, shift=eyes, line=thick) for part, thick in others]
    frame = np.maximum.reduce(rims)
    canvas.paint(colour, frame)
    # Light from above catches the upper edge of the rims.
    up = eyes - width * 0.3j * canvas.pose.scale
    edge = np.maximum(*(canvas.shape(o, shift=up, line=width * 0.3) for o in lenses))
    canvas.glow(0.35 if metal else 0.12, edge * frame)
    return canvas.done()


def _lens(draw: np.random.Generator, dark: bool) -> Floats:
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


def _placed(lens: Floats, side: int) -> Floats:
    """A lens in front of its eye; the frame curves towards the temples."""
    x, y = lens[:, 0] + side * (EYE_X + 0.012), lens[:, 1] + EYE_Y + 0.025
    return np.stack([x, y, _front(x)], 1)


def _front(x: Floats) -> Floats:
    return 0.09 - 0.35 * x**2


def _bridge_and_arms(lens: Floats, width: float, yaw: float) -> list[tuple[Floats, float]]:
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
    return np.asarray(band + sky, np.float32)


def mask(picture: Image, face: Face, seed: int) -> Image:
    """A surgical mask of three layers over nose, mouth and chin, with pleats and ear loops."""
    canvas = Canvas(picture, face, seed)
    draw = canvas.draw
    colour = MASKS[draw.integers(len(MASKS))]
    top = TOP + draw.uniform(-0.04, 0.06)
    # From the left upper corner over the nose, down the right side and back under the chin.
    upper = np.linspace(-SIDE, SIDE, 25)
    over_nose = np.stack([upper, top + 0.13 * (abs(upper) / SIDE) ** 1.3], 1)
    right = np.array([(0.41, 0.15), (0.4, 0.23), (0.37, 0.34), (0.31, 0.43)])
    under = np.linspace(0.24, -0.24, 9)
    chin = np.stack([under, BOTTOM - 0.06 * (under / 0.24) ** 2], 1)
    edge = np.concatenate([over_nose, right, chin, right[::-1] * (-1, 1)])
    outline = _on_mask(edge)
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
    shade = 1.04 - 0.32 * wide**2 - 0.22 * down**2
    canvas.paint(colour, cloth, shade * (1 + 0.008 * canvas.noise(0.006)))
    across = np.linspace(-0.39, 0.39, 25)
    for height in (0.16, 0.27, 0.38):
        for below, factor in ((0.0, 0.8), (0.014, 1.07)):
            fold = np.stack([across, height + below - 0.05 * (across / 0.39) ** 2], 1)
            line = canvas.shape(_on_mask(fold), shift=mouth, soft=0.006, line=0.014)
            canvas.multiply(factor, line * cloth)
    hem = _on_mask(over_nose + np.array([0, 0.025]))
    canvas.multiply(0.86, canvas.shape(hem, shift=mouth, soft=0.004, line=0.01) * cloth)
    return canvas.done()


def _on_mask(flat: Floats) -> Floats:
    """Points on the mask: on the face, and raised over the nose and the mouth."""
    out = np.exp(-((flat[:, 0] / NOSE) ** 2)) * np.exp(-(((flat[:, 1] - 0.12) / 0.26) ** 2))
    points = lifted(flat, 0.02)
    points[:, 2] += 0.17 * out
    return points


CONDITIONS = {
    "head scarf": scarf,
    "hat": hat,
    "clear glasses": partial(glasses, dark=False),
    "dark glasses": partial(glasses, dark=True),
    "surgical mask": mask,
}
