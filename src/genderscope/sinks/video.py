"""An annotated video that can be played at any time, even if writing was interrupted.

Each frame keeps its own time, so a pause in the source is a pause in the video; pictures without a
time get a second each. Needs the extra [video].
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from genderscope.core.errors import UsageError
from genderscope.core.extras import require
from genderscope.core.types import Image, Scene
from genderscope.sinks import BaseSink, drawn

NEEDS_PICTURES = True
SUFFIXES = (".mp4", ".mkv", ".mov")
TICKS_PER_S = 1000
LARGEST_PX = 16_384  # longest side that libx264 accepts; larger pictures are shrunk
KEY_FRAME_INTERVAL = 50  # an interrupted file loses what follows its last key frame
# The first one available is used, with options for speed and low delay.
CODECS = {"libx264": {"preset": "veryfast", "tune": "zerolatency", "crf": "23"}, "mpeg4": {}}


class Video(BaseSink):
    """A video, H.264 if PyAV supports it, else MPEG-4 Part 2; ``UsageError`` if it cannot be
    written, ``MissingExtra`` without PyAV.
    """

    def __init__(self, file: str) -> None:
        self._av = require("av", "video")
        target = Path(file)
        if target.suffix.lower() not in SUFFIXES:
            raise UsageError(f"{target} should end in one of {', '.join(SUFFIXES)}")
        options = {"flush_packets": "1"}  # written to disk at once
        if target.suffix.lower() != ".mkv":
            options["movflags"] = "hybrid_fragmented"  # an ordinary file once complete
        self._target, self._new = target, not target.exists()
        try:
            target.open("ab").close()  # FFmpeg would report an error only at the first frame
        except OSError as error:
            raise UsageError(f"{target} cannot be written: {error.strerror}") from error
        self._container = self._av.open(f"file:{target}", "w", options=options)
        self._stream: Any = None
        self._last = -1

    def close(self) -> None:
        with self._named_errors(), self._container:
            if self._stream is not None:
                self._container.mux(self._stream.encode())
        if self._stream is None and self._new:
            self._target.unlink(missing_ok=True)  # a file without a frame is not a video

    def write(self, scene: Scene) -> None:
        """Add a frame, resized to the first one; a scene with an error is skipped. ``UsageError``
        if the file cannot be written, for instance on a full disk.
        """
        if (image := drawn(scene)) is None:
            return
        if self._stream is None:
            self._stream = self._begin(image)
        picture = fitted(image, (self._stream.width, self._stream.height))
        frame = self._av.VideoFrame.from_ndarray(picture, format="bgr24")
        time_s = scene.frame.time_s
        ticks = self._last + TICKS_PER_S if time_s is None else round(time_s * TICKS_PER_S)
        self._last = max(ticks, self._last + 1)
        frame.pts, frame.time_base = self._last, Fraction(1, TICKS_PER_S)
        with self._named_errors():
            self._container.mux(self._stream.encode(frame))

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except self._av.FFmpegError as error:
            raise UsageError(f"{self._target} cannot be written: {error.strerror}") from error

    def _begin(self, image: Image) -> Any:
        name = next(name for name in CODECS if name in self._av.codecs_available)
        stream = self._container.add_stream(name, rate=25, options=CODECS[name])
        scale = min(LARGEST_PX / max(image.shape[:2]), 1.0)
        # Colour is stored at half the resolution, so both sides must be even.
        stream.height, stream.width = (2 * ceil(side * scale / 2) for side in image.shape[:2])
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS_PER_S)
        stream.codec_context.gop_size = KEY_FRAME_INTERVAL
        return stream


create = Video


def fitted(image: Image, size: tuple[int, int]) -> Image:
    """A picture resized to fit into (width, height), with black bars."""
    height, width = image.shape[:2]
    if (width, height) == size:
        return np.ascontiguousarray(image)
    scale = min(size[0] / width, size[1] / height)
    if 0 <= size[0] - width <= 1 and 0 <= size[1] - height <= 1:
        scale = 1.0  # only pad to even sides, without resampling
    inner = (max(round(width * scale), 1), max(round(height * scale), 1))
    resized = cv2.resize(image, inner, interpolation=cv2.INTER_AREA) if scale != 1 else image
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    top, left = (size[1] - inner[1]) // 2, (size[0] - inner[0]) // 2
    canvas[top : top + inner[1], left : left + inner[0]] = resized
    return canvas
