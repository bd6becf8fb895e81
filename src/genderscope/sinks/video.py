"""An annotated video: MP4 that can be played at any moment, also where writing was cut short.

Each frame keeps its own time, so a source that stood still stands still. Needs the ``video`` extra.
"""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np

from genderscope.core.errors import UsageError
from genderscope.core.extras import require
from genderscope.core.types import Image, Scene
from genderscope.imaging.draw import draw

SUFFIXES = (".mp4", ".mkv", ".mov")
TICKS_PER_S = 1000
# Only whole stretches between two key frames survive a cut: short ones lose little.
FRAMES_BETWEEN_KEYS = 50
# The best that this build of FFmpeg can write, with what makes it quick and without delay.
CODECS = {"libx264": {"preset": "veryfast", "tune": "zerolatency", "crf": "23"}, "mpeg4": {}}


class Video:
    """See ``create``."""

    def __init__(self, target: Path) -> None:
        self._av = require("av", "video")
        if target.suffix.lower() not in SUFFIXES:
            raise UsageError(f"{target} should end in one of {', '.join(SUFFIXES)}")
        options = {"flush_packets": "1"}  # what is written lies on the disk at once
        if target.suffix.lower() != ".mkv":
            options["movflags"] = "hybrid_fragmented"  # and an ordinary file at the end
        self._target, self._new = target, not target.exists()
        try:
            target.open("ab").close()  # FFmpeg would only try with the first frame
        except OSError as error:
            raise UsageError(f"{target} cannot be written: {error.strerror}") from error
        self._container = self._av.open(f"file:{target}", "w", options=options)
        self._stream: Any = None
        self._last = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            self._container.mux(self._stream.encode())
        self._container.close()
        if self._stream is None and self._new:
            self._target.unlink(missing_ok=True)  # without a frame it is no video

    def write(self, scene: Scene) -> None:
        """Add a frame, in the size of the first one; a scene with an error has none.

        Raises:
            UsageError: the disk is full, or the place went away.
        """
        image = scene.drawn
        if image is None:
            if scene.frame.image is None:
                return
            image = draw(scene.frame.image, scene.results)
        if self._stream is None:
            self._stream = self._begin(image)
        picture = fitted(image, (self._stream.width, self._stream.height))
        frame = self._av.VideoFrame.from_ndarray(picture, format="bgr24")
        self._last = max(round((scene.frame.time_s or 0.0) * TICKS_PER_S), self._last + 1)
        frame.pts, frame.time_base = self._last, Fraction(1, TICKS_PER_S)
        try:
            self._container.mux(self._stream.encode(frame))
        except self._av.FFmpegError as error:
            raise UsageError(f"{self._target} cannot be written: {error.strerror}") from error

    def _begin(self, image: Image) -> Any:
        name = next(name for name in CODECS if name in self._av.codecs_available)
        stream = self._container.add_stream(name, rate=25, options=CODECS[name])
        # Colour has half the resolution, so both sides are even.
        stream.height, stream.width = (side + side % 2 for side in image.shape[:2])
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS_PER_S)
        stream.codec_context.gop_size = FRAMES_BETWEEN_KEYS
        return stream


def fitted(image: Image, size: tuple[int, int]) -> Image:
    """A picture shrunk or grown to fit into (width, height), with black bars where it is short."""
    height, width = image.shape[:2]
    if (width, height) == size:
        return np.ascontiguousarray(image)
    scale = min(size[0] / width, size[1] / height)
    if 0 <= size[0] - width <= 1 and 0 <= size[1] - height <= 1:
        scale = 1.0  # the size was made even: nothing needs to be resampled
    inner = (max(round(width * scale), 1), max(round(height * scale), 1))
    shown = cv2.resize(image, inner, interpolation=cv2.INTER_AREA) if scale != 1 else image
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    top, left = (size[1] - inner[1]) // 2, (size[0] - inner[0]) // 2
    canvas[top : top + inner[1], left : left + inner[0]] = shown
    return canvas


def create(target: str) -> Video:
    """Write a video: H.264 where this PyAV has it, else MPEG-4 part 2.

    Raises:
        UsageError: the target cannot be written.
        MissingExtra: PyAV is not there.
    """
    return Video(Path(target))
