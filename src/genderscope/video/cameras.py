"""Video sources: a camera, a video file, a network address or a folder of frames.

``open_source`` opens any of them. Recorded sources yield every frame, live ones the newest.
"""

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np

from genderscope.core.arguments import positive
from genderscope.core.errors import SourceError, UsageError
from genderscope.core.extras import require
from genderscope.core.storage import STREAMING, redacted
from genderscope.core.types import Frame, Image
from genderscope.imaging import decode
from genderscope.video.newest import DAY_S, LiveSource, Patience
from genderscope.video.rotation import turned

# A file is truncated if it ends this much earlier than its header says.
TRUNCATED_S = 0.5
# Times that go back further, or ahead by more than a day, begin again, as in joined streams.
RESTART_S = 1.0
STRETCH = 10  # a file that claims more is broken; stretched, its frames could fill the memory
# Pictures of a folder to compare, and the mean difference of two at 16 x 16 pixels, of 255, above
# which they show different scenes.
LOOKED_AT, JUMP = 8, 30
MOVING = {".gif", ".apng", ".webp", ".avif"}
ADVICE = (
    "name a camera by its number, a video file, a folder of pictures or an address "
    f"({'://, '.join(STREAMING)}://)"
)


def open_source(
    source: str, *, loop: bool = False, frame_rate: float = 25.0, patience: Patience | None = None
) -> "Source":
    """Open a video source.

    Args:
        source: a camera's number or device (``0``, ``/dev/video0``), an address (``rtsp://...``,
            ``http://...``), a video file, a named pipe, or a folder of pictures.
        loop: restart a recorded source when it ends, with continuous times.
        frame_rate: a folder's pictures per second.
        patience: for live sources.

    Raises:
        SourceError: the source does not exist or cannot be opened.
        MissingExtra: a video or an address needs PyAV.
        UsageError: the address has an unknown scheme, or the frame rate is not positive and finite.
    """
    frame_rate = positive("frame_rate", frame_rate)
    if not source:
        raise SourceError(f"the name of the source is empty; {ADVICE}")
    patience = patience or Patience()
    path = Path(source)
    if source.isdecimal() and len(source) < 10:  # OpenCV's numbers have 32 bits
        return LiveSource(f"camera {source}", lambda: camera(int(source)), patience)
    if path.is_char_device():
        return LiveSource(source, lambda: camera(source), patience)
    if path.is_dir():
        stills = unrelated(path)
        return RecordedSource(source, lambda: _folder(path, frame_rate), loop, stills)
    require("av", "video")
    if "://" in source:
        return _address(source, loop, patience)
    # With a protocol, so that FFmpeg does not mistake a file name for an address.
    url = f"file:{source}"
    if path.is_fifo():
        return LiveSource(source, lambda: _pictures(_opened(url, patience.frozen_s)), patience)
    if not path.is_file():
        raise SourceError(f"{source} does not exist; {ADVICE}")
    stills = path.suffix.lower() in decode.EXTENSIONS - MOVING
    return RecordedSource(source, lambda: _video(source, _opened(url)), loop, stills)


def unrelated(folder: Path) -> bool:
    """Whether most of the first pictures in a folder differ from the next in size or content."""
    frames = islice(decode.frames([folder]), LOOKED_AT)
    images = [frame.image for frame in frames if frame.image is not None]
    jumps = [_differ(first, second) for first, second in pairwise(images)]
    return sum(jumps) * 2 > len(jumps)


def _differ(first: Image, second: Image) -> bool:
    if first.shape != second.shape:
        return True
    small = (cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA) for image in (first, second))
    return float(cv2.absdiff(*small).mean()) > JUMP


class RecordedSource:
    """A source that waits for its consumer, so that no frame is dropped."""

    live = False
    dropped = 0

    def __init__(
        self, name: str, read: Callable[[], Generator[Frame]], loop: bool, stills: bool = False
    ) -> None:
        self.name, self._read, self._loop, self.stills = name, read, loop, stills

    def __iter__(self) -> Generator[Frame]:
        """Every frame, or an error in its place, at its own time; times never decrease. A truncated
        file ends with an error; ``SourceError`` for a source without a readable frame.
        """
        index, time_s, step_s = 0, 0.0, 0.04
        begin_s, readable = 0.0, False
        while True:
            try:
                with closing(self._read()) as frames:
                    for frame in frames:
                        now_s = begin_s + (frame.time_s or 0.0)
                        if now_s > time_s:
                            time_s, step_s = now_s, now_s - time_s
                        yield replace(frame, index=index, time_s=time_s)
                        index += 1
                        readable |= frame.image is not None
                if not readable:
                    raise SourceError("has no readable frame; get another copy")
            except SourceError as error:
                if not readable:
                    raise SourceError(f"{self.name} {error}") from error
                yield Frame(self.name, error=f"{self.name} {error}", index=index, time_s=time_s)
                return
            if not self._loop:
                return
            begin_s = time_s + step_s


Source = LiveSource | RecordedSource
"""Iterates over timed frames; see ``open_source``. An address's name is without user, password and
query. A live source drops frames rather than queue them; ``dropped`` counts them. With ``stills``
it seems to hold photographs rather than frames of one video.
"""


def camera(device: int | str) -> Generator[Image]:
    """Pictures from a camera, read by OpenCV; ``SourceError`` if it cannot be opened or read."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        capture = cv2.VideoCapture(device)
    finally:
        cv2.utils.logging.setLogLevel(level)
    try:
        if not capture.isOpened():
            raise SourceError("cannot be opened (is it plugged in and not in use?)")
        while True:
            valid, image = capture.read()
            if not valid:
                raise SourceError("sends no more pictures (is it still plugged in?)")
            yield image.astype(np.uint8, copy=False)
    finally:
        capture.release()


def _folder(path: Path, frame_rate: float) -> Generator[Frame]:
    for index, frame in enumerate(decode.frames([path])):
        yield replace(frame, time_s=index / frame_rate)


def _address(source: str, loop: bool, patience: Patience) -> "Source":
    try:
        parts = urlsplit(source)
        _ = parts.port
    except ValueError as error:  # its message may hold a password
        raise UsageError(f"the address of the source is not valid; {ADVICE}") from error
    if parts.scheme not in STREAMING:
        raise UsageError(f"{parts.scheme}:// is not supported; {ADVICE}")
    source = parts.scheme + source[len(parts.scheme) :]  # in small letters, for FFmpeg
    name = redacted(source)
    opened = partial(_opened, source, patience.frozen_s)
    try:
        first = [opened()]
    except SourceError as error:
        raise SourceError(f"{name} {error}") from error
    # FFmpeg's formats for single pictures, detected by content or by name.
    still = first[0].format.name.endswith(("_pipe", "image2"))
    if still or first[0].duration is not None:  # a file on a server
        return RecordedSource(
            name, lambda: _video(name, first.pop() if first else opened()), loop, still
        )
    return LiveSource(name, lambda: _pictures(first.pop() if first else opened()), patience)


def _opened(url: str, patience_s: float | None = None) -> Any:
    """PyAV's container of a video; callers add the source's name to a ``SourceError``."""
    av = require("av", "video")
    options = {"rtsp_transport": "tcp"} if url.startswith("rtsp") else {}
    try:
        container = av.open(url, options=options, timeout=patience_s)
    except av.FFmpegError as error:
        raise _source_error(error) from error
    if not container.streams.video or container.format.name == "tty":  # draws text files
        container.close()
        raise SourceError("has no video stream")
    return container


def _video(name: str, container: Any) -> Generator[Frame]:
    """Every frame of a video file; times start at the first one. If the file has none, such as raw
    H.264, they follow from its frame rate.
    """
    with container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        first_s = last_s = None
        end_s = 0.0
        for index, (time_s, shown_s, image) in enumerate(_decoded(container)):
            if time_s is not None:
                first_s = time_s if first_s is None else first_s
                if not -RESTART_S <= time_s - first_s - (last_s or 0.0) <= DAY_S:
                    first_s = time_s - (last_s or 0.0) - shown_s
                before_s, last_s = last_s or 0.0, time_s - first_s
                # The header's time runs from the first frame or, in Matroska, from 0.
                end_s = max(last_s, time_s) + (shown_s or last_s - before_s)
            elif first_s is None and stream.average_rate:
                end_s = last_s = float(index / stream.average_rate)
            error = f"{name}: frame {index} cannot be decoded" if image is None else None
            yield Frame(name, image, error, time_s=last_s)
        length_s = _duration_s(container, stream)
        if length_s and last_s is not None and end_s < length_s - TRUNCATED_S:
            raise SourceError(
                f"ends at {end_s:.1f} s instead of {length_s:.1f} s: it is truncated; "
                "get another copy"
            )


def _duration_s(container: Any, stream: Any) -> float | None:
    """The video's duration from the file's header, if given."""
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    if tag := re.fullmatch(r"(\d+):(\d+):(\d+\.\d+)", stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = map(float, tag.groups())  # Matroska's, of one stream
        return hours * 3600 + minutes * 60 + seconds
    if container.duration is not None and len(container.streams) == 1:
        return float(container.duration / 1e6)
    return None


def _pictures(container: Any) -> Generator[Image | None]:
    """Pictures of a live stream, None if broken."""
    with container:
        for _, _, image in _decoded(container):
            yield image


def _decoded(container: Any) -> Iterator[tuple[float | None, float, Image | None]]:
    """Times, durations (0 if unknown) and pictures, None if broken; ``SourceError`` if the stream
    is lost.
    """
    av = require("av", "video")
    try:
        ratio = container.streams.video[0].sample_aspect_ratio or 1
        for packet in container.demux(video=0):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                yield None, 0.0, None
                continue
            for frame in frames:
                shown_s = float(frame.duration * frame.time_base) if frame.duration else 0.0
                yield frame.time, shown_s, _upright(frame, float(ratio))
    except av.FFmpegError as error:
        raise _source_error(error) from error


def _upright(frame: Any, ratio: float) -> Image:
    """A frame as it should be displayed: stretched to square pixels, from pixels of this aspect
    ratio unless it is absurd, and rotated and mirrored by the file's metadata.
    """
    image: Image = frame.to_ndarray(format="bgr24")
    if ratio != 1 and 1 / STRETCH <= ratio <= STRETCH:
        wider, higher = max(ratio, 1), max(1 / ratio, 1)
        image = cv2.resize(image, None, fx=wider, fy=higher).astype(np.uint8, copy=False)
    quarters = -round(frame.rotation / 90)
    if matrix := frame.side_data.get("DISPLAYMATRIX"):
        a, b, _, c, d = np.frombuffer(bytes(matrix), "i4")[:5].tolist()
        if a * d < b * c:  # mirrored
            image, quarters = cv2.flip(image, 1).astype(np.uint8, copy=False), quarters + 2
    return turned(image, quarters)


def _source_error(error: Any) -> SourceError:
    av = require("av", "video")
    if isinstance(error, av.error.ExitError):  # PyAV's timeout
        return SourceError("does not answer in time")
    # The full message would reveal an address with its password.
    if isinstance(error, OSError):
        return SourceError(f"cannot be read: {error.strerror}")
    return SourceError(f"is not a readable video ({error.strerror}), or is truncated")
