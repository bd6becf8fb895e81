"""The pose of a head from five landmarks, and the projection of its points into the picture.

Points on a head are (x, y, z): right, down and towards the viewer from the centre of the face's
box, in units of its longer side, as in ``core.types.TEMPLATE``; 1 is about 16 cm. A head is rotated
in 3D, then moved, scaled and tilted by a similarity (weak perspective).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from genderscope.core.types import TEMPLATE, Face, Floats, points

DEPTHS = np.array([0.0, 0.0, 0.2, 0.03, 0.03])  # the depths of the eyes, nose and mouth corners
YAWS, PITCHES = np.radians(np.arange(-52, 53, 4)), np.radians(np.arange(-24, 25, 4))
# Typical values: the error of a landmark, in those units, and the rotation of a head, in radians.
LANDMARK_ERROR, USUAL_YAW, USUAL_PITCH = 0.015, 0.4, 0.15

Places = npt.NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class Pose:
    """A head in a picture: ``abs(scale)`` is the unit in pixels, its phase the tilt; ``origin`` is
    the head's (0, 0, 0). Yaw and pitch are in radians, positive if the face looks to the picture's
    right, or down; ``eyes`` and ``mouth`` are the landmarks' residuals. Points are x + iy pixels.
    """

    scale: complex
    origin: complex
    yaw: float = 0.0
    pitch: float = 0.0
    eyes: complex = 0j
    mouth: complex = 0j

    def project(self, places: npt.ArrayLike) -> Places:
        """Points on the head, (..., 3), as complex numbers (...) in the picture."""
        rotated = _rotated(np.asarray(places, np.float64), self.yaw, self.pitch)
        return self.scale * rotated + self.origin


def pose(face: Face) -> Pose:
    """The pose in which an average head best fits a face's landmarks; frontal without landmarks."""
    frontal = Pose(*face.fit(to_landmarks=False))
    if face.landmarks is None:
        return frontal
    landmarks = points(face.landmarks)
    heads, yaws, pitches = _heads()
    spread = heads - heads.mean(1, keepdims=True)
    scales = (spread.conj() @ (landmarks - landmarks.mean())) / (abs(spread) ** 2).sum(1)
    if not scales.all():
        return frontal
    errors = abs((landmarks - landmarks.mean()) / scales[:, None] - spread) ** 2
    prior = (yaws / USUAL_YAW) ** 2 + (pitches / USUAL_PITCH) ** 2
    best = int(np.argmin(errors.sum(1) / LANDMARK_ERROR**2 + prior))
    scale = complex(scales[best])
    origin = complex(landmarks.mean() - scale * heads[best].mean())
    residuals = landmarks - (scale * heads[best] + origin)
    turn = float(yaws[best]), float(pitches[best])
    return Pose(scale, origin, *turn, complex(residuals[:2].mean()), complex(residuals[3:].mean()))


def lifted(flat: Sequence[Sequence[float]] | npt.NDArray[Any], above: float = 0.0) -> Floats:
    """Frontal points (..., 2) projected onto the head's surface, an ellipsoid, (..., 3)."""
    flat = np.asarray(flat, np.float64)
    inside = 1 - (flat[..., 0] / 0.52) ** 2 - (flat[..., 1] / 0.8) ** 2
    depth = 0.55 * np.sqrt(inside.clip(0.02)) - 0.489 + above
    return np.asarray(np.concatenate([flat, depth[..., None]], -1))


def _rotated(places: Floats, yaw: Any, pitch: Any) -> Places:
    x, y, z = np.moveaxis(places, -1, 0)
    across, towards = x * np.cos(yaw) + z * np.sin(yaw), z * np.cos(yaw) - x * np.sin(yaw)
    return np.asarray(across + 1j * (y * np.cos(pitch) + towards * np.sin(pitch)))


@lru_cache
def _heads() -> tuple[Places, Floats, Floats]:
    """The average head's landmarks at each yaw and pitch, (n, 5), and these angles, (n,)."""
    places = np.stack([TEMPLATE.real, TEMPLATE.imag, DEPTHS], 1)
    yaws, pitches = (grid.ravel() for grid in np.meshgrid(YAWS, PITCHES))
    return _rotated(places, yaws[:, None], pitches[:, None]), yaws, pitches
