"""Video: one loop that detects, classifies, explains, tracks and draws the faces of each frame."""

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from genderscope.core.errors import PictureError, UsageError
from genderscope.core.types import Box, Frame, Image, Result, Scene
from genderscope.imaging import draw
from genderscope.inference.explainer import Explainer
from genderscope.inference.locate import locate
from genderscope.inference.pipeline import Pipeline
from genderscope.video.tracking import Tracker
from genderscope.video.windows import EVERY, WindowDetector

SMOOTHING = 0.1  # weight of the latest frame in the average times on the screen
HUD_S = 0.5  # between new times on the screen, so that they can be read; drawing text is slow


@dataclass(frozen=True, slots=True)
class LiveScene(Scene):
    """A frame of a video with its results and the milliseconds of each stage, in order; ``read`` is
    the wait for the frame. If explained, each result has a map, (size, size) uint8 grey, or None
    where the frame is drawn and has no room for it.
    """

    stage_ms: dict[str, float] = field(default_factory=dict)
    maps: tuple[Image | None, ...] = ()


class Live:
    """Processes a stream of frames; see ``stream``.

    Args:
        scope: the detector and the classifier.
        explainer: of the same model; may be replaced while the stream runs. None explains nothing.
        tracker: by default a new ``Tracker``.
        detect_every: frames from one search of the whole frame to the next: see ``windows``.
        drawn: draw each frame's results.
        hud: draw the frame rate and the milliseconds of each stage too.
        private: pixelate faces in the drawn frames, also for the tracker's ``max_age_s`` after the
            detector lost them. With an explainer it is a ``UsageError``.
        rotation: turns a frame upright, such as a ``Rotation``.
    """

    def __init__(
        self,
        scope: Pipeline,
        explainer: Explainer | None = None,
        tracker: Tracker | None = None,
        *,
        detect_every: int = EVERY,
        drawn: bool = True,
        hud: bool = True,
        private: bool = False,
        rotation: Callable[[Image], Image] = lambda image: image,
    ) -> None:
        if explainer and private:
            raise UsageError("explanations show the faces that privacy hides: choose one of them")
        self.explainer, self.private = explainer, private
        self.tracker = tracker or Tracker()
        self._scope, self._drawn, self._hud = scope, drawn, hud
        self._rotation = rotation
        self._detector = WindowDetector(scope.detector, self.tracker, detect_every)
        self._average_ms: dict[str, float] = {}
        self._shown: list[str] = []
        self._shown_until_s = 0.0

    def stream(self, frames: Iterable[Frame]) -> Generator[LiveScene]:
        """A scene for each frame, in order; a frame with an error keeps it."""
        watch = _Stopwatch()
        for frame in frames:
            watch.lap("read")
            yield self._scene(frame, watch)
            watch.lap("write")
            self._average(watch.restart())

    def _scene(self, frame: Frame, watch: "_Stopwatch") -> LiveScene:
        if frame.image is None:
            return LiveScene(frame)
        image = self._rotation(frame.image)
        frame = replace(frame, image=image)
        size = (image.shape[1], image.shape[0])
        time_s = frame.time_s or 0.0
        spec = self._scope.classifier.spec
        try:
            detect = partial(self._detector, time_s=time_s)
            located = locate(frame, detect, spec, lap=watch.lap)
        except PictureError as error:
            return LiveScene(replace(frame, image=None, error=str(error)))
        boxes = [face.box for face in located.faces]
        rooms = draw.rooms(image, boxes) if self._drawn and self.explainer else boxes
        scores, maps = self._scores(located.crops, rooms)
        watch.lap("explain" if maps else "classify")
        singles = list(map(self._scope.rule.result, located.faces, scores))
        results = self.tracker.update(singles, time_s, size)
        watch.lap("track")
        drawn = self._picture(image, results, rooms, maps) if self._drawn else None
        watch.lap("draw")
        return LiveScene(frame, results, located.left_out, drawn, dict(watch.laps_ms), maps)

    def _scores(
        self, crops: Sequence[Image], rooms: Sequence[Box | None]
    ) -> tuple[list[list[float]], tuple[Image | None, ...]]:
        """Each face's scores and, with an explainer, its map where it has room."""
        explainer, classifier = self.explainer, self._scope.classifier
        if not crops:
            return [], ()
        stacked = np.stack(crops)
        if explainer is None:
            return classifier(stacked).tolist(), ()
        scores = np.empty((len(crops), 2))
        maps: list[Image | None] = [None] * len(crops)
        shown = np.array([room is not None for room in rooms])
        if shown.any():
            scores[shown], found = explainer(stacked[shown])
            pictures = map(explainer.picture, found)
            maps = [next(pictures) if one else None for one in shown]
        if not shown.all():
            scores[~shown] = classifier(stacked[~shown])
        return scores.tolist(), tuple(maps)

    def _picture(
        self,
        image: Image,
        results: tuple[Result, ...],
        rooms: Sequence[Box | None],
        maps: Sequence[Image | None],
    ) -> Image:
        if self.private:
            hidden = self.tracker.hidden((image.shape[1], image.shape[0]))
            image = draw.pixelated(image, [*(result.face.box for result in results), *hidden])
        image = draw.draw(image, results)
        if maps:
            image = draw.beside(image, rooms, maps)
        return draw.caption(image, self._shown) if self._hud and self._shown else image

    def _lines(self) -> list[str]:
        total_ms = sum(self._average_ms.values())
        stages = ", ".join(f"{name} {ms:.0f}" for name, ms in self._average_ms.items())
        return [f"{1000 / total_ms:.0f} frames/s", f"ms: {stages}"]

    def _average(self, laps_ms: dict[str, float]) -> None:
        before = self._average_ms  # without the stages that no longer run, such as explaining
        self._average_ms = {
            name: before.get(name, ms) + SMOOTHING * (ms - before.get(name, ms))
            for name, ms in laps_ms.items()
        }
        if (now := time.perf_counter()) > self._shown_until_s:
            self._shown, self._shown_until_s = self._lines(), now + HUD_S


class _Stopwatch:
    """Milliseconds of each stage since the last restart."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self.laps_ms: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps_ms[name] = (now - self._last) * 1000
        self._last = now

    def restart(self) -> dict[str, float]:
        laps, self.laps_ms = self.laps_ms, {}
        return laps
