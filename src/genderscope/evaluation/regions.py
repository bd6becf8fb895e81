"""The energy of saliency maps by region of the face: seven regions that partition a crop.

The regions follow the face's size and roll: the least-squares fit of its five landmarks to
``core.types.TEMPLATE`` gives the rotation and the unit, the side of the face's box. Each pixel
belongs to one region, the first of ``REGIONS`` that contains it:

- ``eyes``: an ellipse on each eye, 0.12 x 0.06 (half axes, in sides of the box);
- ``brows``: an ellipse 0.115 above each eye, 0.15 x 0.055;
- ``nose``: from between the eyes, 0.05 to each side, to 0.055 below its tip, 0.12 to each side;
- ``hair/forehead``: more than 0.115 above the eyes, in an ellipse around the head, 0.5 x 0.6, its
  centre 0.05 above the box's;
- ``mouth/beard``: below the nose, in an ellipse around the face, 0.4 x 0.5;
- ``cheeks``: the rest of that ellipse, temples included;
- ``outside``: everything else, with hair beside the face, ears and neck.
"""

import numpy as np
import numpy.typing as npt

from genderscope.core.types import TEMPLATE, Face, Floats, points
from genderscope.imaging.preprocess import PreprocessSpec, window

REGIONS = ("eyes", "brows", "nose", "hair/forehead", "mouth/beard", "cheeks", "outside")
BROW_LINE = 0.115
Points = npt.NDArray[np.complex128]


def landmarks(face: Face, spec: PreprocessSpec) -> Floats:
    """A face's landmarks in its crop, (5, 2) in pixels; without any, the average face's."""
    a, b = window(face, spec)
    if face.landmarks is not None:
        places = points(face.landmarks)
    else:
        side, middle = face.fit()
        places = side * TEMPLATE + middle
    inside = ((places - b) / a + (0.5 + 0.5j)) * spec.size
    return np.stack([inside.real, inside.imag], 1)


def masks(faces: Floats, size: int) -> npt.NDArray[np.int8]:
    """Each pixel's index into ``REGIONS``, (n, size, size), from ``landmarks``, (n, 5, 2)."""
    spread = TEMPLATE - TEMPLATE.mean()
    places = np.asarray(faces, np.float64) @ np.array([1, 1j])
    a = places @ spread.conj() / np.vdot(spread, spread)
    b = places.mean(1) - a * TEMPLATE.mean()
    axis = np.arange(size) + 0.5
    grid = axis + 1j * axis[:, None]
    points_in_face = (grid - b[:, None, None]) / a[:, None, None]
    left, right, nose, *_ = ((places - b[:, None]) / a[:, None]).T[:, :, None, None]
    x, y = points_in_face.real, points_in_face.imag

    def ellipse(centre: complex | Points, wide: float, high: float) -> npt.NDArray[np.bool_]:
        away = points_in_face - centre
        inside: npt.NDArray[np.bool_] = (away.real / wide) ** 2 + (away.imag / high) ** 2 <= 1
        return inside

    between = (left + right) / 2
    tip = nose.imag + 0.055
    down = (y - between.imag) / (tip - between.imag)
    ridge = between.real + down * (nose.real - between.real)
    above = -1j * BROW_LINE
    face = ellipse(0, 0.4, 0.5)
    regions = [
        ellipse(left, 0.12, 0.06) | ellipse(right, 0.12, 0.06),
        ellipse(left + above, 0.15, 0.055) | ellipse(right + above, 0.15, 0.055),
        (down >= 0) & (down <= 1) & (abs(x - ridge) <= 0.05 + 0.07 * down),
        (y < between.imag - BROW_LINE) & ellipse(-0.05j, 0.5, 0.6),
        (y > tip) & face,
        face,
        np.ones_like(face),
    ]
    first: npt.NDArray[np.int8] = np.argmax(regions, 0).astype(np.int8)
    return first


def energy(maps: npt.NDArray[np.floating]) -> Floats:
    """The squares of maps, (n, size, size[, channels]), summed over channels: (n, size, size)."""
    squares: Floats = np.square(maps, dtype=np.float64)
    return squares if squares.ndim == 3 else squares.sum(-1)


def shares(maps: npt.NDArray[np.floating], faces: Floats) -> Floats:
    """The share of each map's energy in each region, (n, 7) in the order of ``REGIONS``, NaN for a
    map that is zero everywhere; maps are (n, size, size[, channels]), faces as for ``masks``.
    """
    places, energies = masks(faces, maps.shape[1]), energy(maps)
    parts = [(energies * (places == region)).sum((1, 2)) for region in range(len(REGIONS))]
    total = energies.sum((1, 2))
    return np.stack(parts, 1) / np.where(total > 0, total, np.nan)[:, None]


def areas(faces: Floats, size: int) -> Floats:
    """The share of the crop's pixels in each region, (n, 7): the shares of a uniform map."""
    return shares(np.ones((len(faces), size, size)), faces)
