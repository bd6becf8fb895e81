"""Cameras: blur, JPEG, low resolution, noise, wrong or no colours; sizes relative to the face."""

import cv2
import numpy as np

from genderscope.core.types import Face, Image
from genderscope.data.counterfactuals._pose import pose

KIND = "camera"
BLUR = 0.025
FACE_PX = 24
JPEG_QUALITY = 12
NOISE = 25
# BGR gains: tungsten light under a daylight white balance.
WARM = np.array([0.55, 0.9, 1.12], np.float32)


def blur(picture: Image, face: Face, seed: int) -> Image:
    """A Gaussian blur with a deviation of a fortieth of the face's height."""
    sigma = max(BLUR * abs(pose(face).scale), 0.5)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


def jpeg(picture: Image, face: Face, seed: int) -> Image:
    """JPEG of quality 12, with its blocks of eight pixels."""
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def small(picture: Image, face: Face, seed: int) -> Image:
    """A face shrunk to a height of 24 pixels, at most half its height, and enlarged again."""
    height, width = picture.shape[:2]
    zoom = min(FACE_PX / abs(pose(face).scale), 0.5)
    size = max(round(width * zoom), 1), max(round(height * zoom), 1)
    shrunk = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (width, height)), np.uint8)


def grey(picture: Image, face: Face, seed: int) -> Image:
    """Black and white."""
    values = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.cvtColor(values, cv2.COLOR_GRAY2BGR), np.uint8)


def warm(picture: Image, face: Face, seed: int) -> Image:
    """The yellow tint of lamplight."""
    return np.asarray(np.rint((picture * WARM).clip(0, 255)), np.uint8)


def swapped(picture: Image, face: Face, seed: int) -> Image:
    """Red and blue exchanged, as when RGB is taken for BGR."""
    return np.ascontiguousarray(picture[..., ::-1])


def noisy(picture: Image, face: Face, seed: int) -> Image:
    """Gaussian noise with a deviation of a tenth of the range."""
    noise = np.random.default_rng(seed).normal(0, NOISE, picture.shape)
    return np.asarray(np.rint((picture + noise).clip(0, 255)), np.uint8)


CONDITIONS = {"blur": blur, "JPEG": jpeg, "small": small, "grey": grey}
CONDITIONS |= {"warm tint": warm, "red as blue": swapped, "noise": noisy}
