"""Videos made at test time: public-domain portraits that walk over a ground, and their truth."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from conftest import PORTRAIT
from genderscope.core.types import Image
from genderscope.imaging import decode

WIDTH, HEIGHT, RATE = 320, 240, 12.5
FACE_PX = 56
FRAMES = 130
# Each person's face, in the portrait's own pixels: left, top, width, height.
HOPPER, ASTRONAUT = (183, 120, 170, 212), (178, 63, 91, 114)
# When each walks across: first frame, last frame, from x to x, y of the face's centre. The two
# cross near frame 30, the hopper before the astronaut; the hopper leaves, and comes back after more
# than two seconds.
WALKS = {
    "astronaut": [(0, FRAMES, 260, -50, 118)],
    "hopper": [(0, 70, 55, 370, 112), (95, FRAMES, 370, 190, 112)],
}
IN_FRONT = ("astronaut", "hopper")


def where(person: str, index: int) -> tuple[float, float] | None:
    """The centre of a person's face in a frame, which may lie outside the picture."""
    for first, last, start, end, y in WALKS[person]:
        if first <= index < last:
            return start + (end - start) * (index - first) / (last - first), y
    return None


def walk() -> Iterator[Image]:
    """The frames of the test video: two tracks cross, one face leaves and returns."""
    cutouts = {"astronaut": _cutout(PORTRAIT, ASTRONAUT), "hopper": _cutout(_hopper(), HOPPER)}
    noise = np.random.default_rng(0).integers(60, 130, (HEIGHT, WIDTH, 3), np.uint8)
    ground = cv2.GaussianBlur(noise, (0, 0), 9)
    for index in range(FRAMES):
        image = np.roll(ground, index, 1)
        for person in IN_FRONT:
            if (centre := where(person, index)) is not None:
                _paste(image, *cutouts[person], centre)
        yield image


def write_video(
    file: Path,
    images: Iterable[Image],
    rate: float = RATE,
    codec: str = "mpeg4",
    ratio: Fraction = Fraction(1),
    late_s: int = 0,
    sound: bool = False,
    **options: str,
) -> Path:
    """A film of pictures, whose pixels are ``ratio`` times as wide as high, and whose first one is
    shown after ``late_s``; with a silent sound track if asked.
    """
    av = pytest.importorskip("av", reason="needs the extra [video]")
    exact = Fraction(rate).limit_denominator(1000)
    with av.open(str(file), "w", options=options) as container:
        stream = None
        for index, image in enumerate(images):
            if stream is None:
                stream = container.add_stream(codec, rate=exact)
                stream.height, stream.width = image.shape[:2]
                stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
                stream.bit_rate = 4_000_000
                stream.codec_context.sample_aspect_ratio = ratio
                silence = container.add_stream("pcm_s16le", rate=8000) if sound else None
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = index + round(late_s * rate), 1 / exact
            container.mux(stream.encode(frame))
            if silence:
                still = np.zeros((1, round(8000 / rate)), np.int16)
                sound_frame = av.AudioFrame.from_ndarray(still, layout="mono")
                sound_frame.sample_rate = 8000
                container.mux(silence.encode(sound_frame))
        container.mux(stream.encode())
    return file


def numbered(count: int, size: tuple[int, int] = (64, 48)) -> Iterator[Image]:
    """Small frames that tell their number by their brightness: see ``number``."""
    for index in range(count):
        yield np.full((size[1], size[0], 3), 8 * (index % 30) + 4, np.uint8)


def number(image: Image) -> int:
    return round((float(image.mean()) - 4) / 8)


def _hopper() -> Path:
    books = pytest.importorskip("matplotlib.cbook", reason="its sample data hold a portrait")
    return Path(books.get_sample_data("grace_hopper.jpg", asfileobj=False))


def _cutout(file: Path, face: tuple[int, ...]) -> tuple[Image, np.ndarray]:
    """A head and shoulders with a soft rim, its face ``FACE_PX`` wide and in the middle."""
    left, top, width, height = face
    image = decode.read(file)
    side = int(1.9 * width)
    x, y = left + width // 2, top + height // 2
    part = image[max(y - side, 0) : y + side, max(x - side, 0) : x + side]
    padded = np.zeros((2 * side, 2 * side, 3), np.uint8)
    above, before = max(side - y, 0), max(side - x, 0)
    padded[above : above + part.shape[0], before : before + part.shape[1]] = part
    scale = FACE_PX / width
    small = cv2.resize(padded, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    middle = (np.array(small.shape[:2]) - 1) / 2
    down, across = np.ogrid[: small.shape[0], : small.shape[1]]
    far = np.hypot((down - middle[0]) / (0.95 * FACE_PX), (across - middle[1]) / (0.75 * FACE_PX))
    return small, np.clip((1.1 - far) * 8, 0, 1)[..., None]


def _paste(image: Image, cutout: Image, cover: np.ndarray, centre: tuple[float, float]) -> None:
    height, width = cutout.shape[:2]
    left, top = round(centre[0] - width / 2), round(centre[1] - height / 2)
    rows = slice(max(top, 0), min(top + height, HEIGHT))
    columns = slice(max(left, 0), min(left + width, WIDTH))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    inner = (
        slice(rows.start - top, rows.stop - top),
        slice(columns.start - left, columns.stop - left),
    )
    mixed = cutout[inner] * cover[inner] + image[rows, columns] * (1 - cover[inner])
    image[rows, columns] = mixed.round().astype(np.uint8)
