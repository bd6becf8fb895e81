"""Every place where the channels of a picture could change places."""

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest

from genderscope.core.types import Box, Face, Frame, Image, Scene
from genderscope.data.counterfactuals import camera
from genderscope.data.leakage import duplicates
from genderscope.detection.detectors import haar
from genderscope.imaging import decode
from genderscope.imaging.contact_sheet import Tile, contact_sheet
from genderscope.imaging.preprocess import PRESETS, crop
from genderscope.server.engine import png
from genderscope.sinks import annotate

RGB = (220, 40, 20)
RED = np.full((64, 64, 3), RGB[::-1], np.uint8)
GREY = 0.299 * RGB[0] + 0.587 * RGB[1] + 0.114 * RGB[2]
FACE = Face(Box(16, 16, 32, 32))


def is_red(image: Image, within: float = 3) -> bool:
    return bool(np.abs(image.reshape(-1, 3).astype(float) - RGB[::-1]).max() <= within)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK"])
def test_decoding_gives_bgr(mode: str) -> None:
    stream = io.BytesIO()
    picture = PIL.Image.new("RGB", (64, 64), RGB)
    picture = picture.quantize(4) if mode == "P" else picture.convert(mode)
    picture.save(stream, "TIFF" if mode == "CMYK" else "PNG")
    assert is_red(decode.read(stream.getvalue()))


def test_crops_keep_their_colours_or_weigh_them() -> None:
    assert is_red(crop(RED, FACE, PRESETS["aligned-colour"]))
    assert crop(RED, FACE, PRESETS["aligned"]) == pytest.approx(GREY, abs=1)


GREYS: dict[str, Callable[[Path], Image]] = {
    "counterfactual": lambda file: camera.grey(decode.read(file), FACE, 0),
    "duplicates": lambda file: np.frombuffer(next(duplicates.signatures([file], 1)).grey, np.uint8),
}


@pytest.mark.parametrize("name", GREYS)
def test_grey_is_that_of_the_eye(name: str, tmp_path: Path) -> None:
    if name == "duplicates":
        pytest.importorskip("imagehash", reason="needs the extra [eval]")
    annotate.save(RED, tmp_path / "red.png")
    assert GREYS[name](tmp_path / "red.png") == pytest.approx(GREY, abs=1)


def test_haar_sees_what_the_eye_sees(portrait: Path) -> None:
    """A face in red and green, and its negative in blue, which weighs least."""
    grey = cv2.cvtColor(decode.read(portrait), cv2.COLOR_BGR2GRAY)
    tinted = np.stack([255 - grey, np.full_like(grey, 128), grey], -1)
    assert len(haar.create(640, 20)(tinted)) == 1


def test_written_pictures_keep_their_colours(tmp_path: Path) -> None:
    annotate.save(RED, tmp_path / "red.png")
    page = contact_sheet([[Tile(RED)]])
    middle = tuple(side // 2 for side in page.shape[:2])
    for red in (
        PIL.Image.open(tmp_path / "red.png").getpixel((5, 5)),
        PIL.Image.open(io.BytesIO(png(RED))).getpixel((5, 5)),
        tuple(page[middle][::-1].tolist()),
    ):
        assert red == RGB


def test_videos_keep_their_colours(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="needs the extra [video]")
    from genderscope.sinks import video
    from genderscope.video.cameras import open_source

    file = tmp_path / "red.mp4"
    with video.create(str(file)) as sink:
        for index in range(3):
            sink.write(Scene(Frame("", RED, index=index, time_s=index / 25)))
    with av.open(str(file)) as container:
        decoded = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert is_red(np.ascontiguousarray(decoded[:, :, ::-1]), within=12)
    frame = next(iter(open_source(str(file))))
    assert frame.image is not None
    assert is_red(frame.image, within=12)
