"""Video: one loop that detects, classifies, explains, tracks and draws the faces of each frame."""

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import compress

import numpy as np

from genderscope.core.errors import PictureError, UsageError
from genderscope.core.types import Box, Frame, Image, Result, Scene
from genderscope.imaging import draw
from genderscope.inference.explainer import Explainer
from genderscope.inference.locate import locate
from genderscope.inference.pipeline import Pipeline
from genderscope.video.tracking import Track, Tracker
from genderscope.video.windows import EVERY, WindowDetector

SMOOTHING = 0.1  # weight of the latest frame in the displayed average times
HUD_S = 0.5  # between updates of the displayed times: they stay legible, and drawing text is slow


@dataclass(frozen=True, slots=True)
class LiveScene(Scene):
    """A video frame with its results and the milliseconds of each stage, in order; ``read`` is the
    wait for the frame. If explained, each result has a map, (size, size) uint8 grey, or None where
    a drawn frame has no room for it.
    """

    stage_ms: dict[str, float] = field(default_factory=dict)
    maps: tuple[Image | None, ...] = ()


class Live:
    """Processes a stream of frames; see ``stream``.

    Args:
        scope: the detector and the classifier.
        explainer: that of the same model; may be replaced while the stream runs. None explains
            nothing.
        tracker: by default a new ``Tracker``.
        detect_every: frames between searches of the whole frame: see ``windows``. With 1, or an
            explainer, every face is scored in every frame; else see ``Track.due``.
        drawn: draw each frame's results.
        hud: also draw the frame rate and the milliseconds of each stage.
        private: pixelate faces in the drawn frames, also for the tracker's ``max_age_s`` after the
            detector loses them. ``UsageError`` with an explainer.
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
        self._rotation, self._score_all = rotation, detect_every == 1
        self._detector = WindowDetector(scope.detector, self.tracker, detect_every)
        self._average_ms: dict[str, float] = {}
        self._hud_lines: list[str] = []
        self._hud_until_s = 0.0

    def stream(self, frames: Iterable[Frame]) -> Generator[LiveScene]:
        """A scene for each frame, in order, also for frames with an error."""
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
            located = locate(frame, detect, spec, cropped=False, lap=watch.lap)
            tracks = self.tracker.match(located.faces, time_s, size)
            watch.lap("track")
            due = self._due(tracks, frame)
            crops = replace(located, faces=tuple(compress(located.faces, due))).recrop(spec)
            watch.lap("crop")
        except PictureError as error:
            return LiveScene(replace(frame, image=None, error=str(error)))
        boxes = [face.box for face in located.faces]
        rooms = draw.rooms(image, boxes) if self._drawn and self.explainer else boxes
        scores, maps = self._scores(crops, rooms)
        watch.lap("explain" if maps else "classify")
        new = iter(scores)
        latest = [next(new) if d else track.scores for d, track in zip(due, tracks, strict=True)]
        frame_results = map(self._scope.rule.result, located.faces, latest)
        results = tuple(map(Track.add, tracks, frame_results))
        watch.lap("track")
        drawn = self._picture(image, results, rooms, maps) if self._drawn else None
        watch.lap("draw")
        return LiveScene(frame, results, located.left_out, drawn, dict(watch.laps_ms), maps)

    def _due(self, tracks: Sequence[Track], frame: Frame) -> list[bool]:
        """Which tracks' faces are scored in a frame; the others keep their last scores."""
        everyone = self._score_all or self.explainer is not None or frame.time_s is None
        return [everyone or track.due for track in tracks]

    def _scores(
        self, crops: Sequence[Image], rooms: Sequence[Box | None]
    ) -> tuple[list[list[float]], tuple[Image | None, ...]]:
        """Each face's scores and, with an explainer, its map if there is room."""
        explainer, classifier = self.explainer, self._scope.classifier
        if not crops:
            return [], ()
        stacked = np.stack(crops)
        if explainer is None:
            return classifier(stacked).tolist(), ()
        scores = np.empty((len(crops), 2))
        maps: list[Image | None] = [None] * len(crops)
        explained = np.array([room is not None for room in rooms])
        if explained.any():
            scores[explained], found = explainer(stacked[explained])
            pictures = map(explainer.picture, found)
            maps = [next(pictures) if has_map else None for has_map in explained]
        if not explained.all():
            scores[~explained] = classifier(stacked[~explained])
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
        return draw.caption(image, self._hud_lines) if self._hud and self._hud_lines else image

    def _average(self, laps_ms: dict[str, float]) -> None:
        before = self._average_ms  # without the stages that no longer run, such as explaining
        self._average_ms = {
            name: before.get(name, ms) + SMOOTHING * (ms - before.get(name, ms))
            for name, ms in laps_ms.items()
        }
        if (now := time.perf_counter()) > self._hud_until_s:
            self._hud_until_s = now + HUD_S
            total_ms = sum(self._average_ms.values())
            stages = ", ".join(f"{name} {ms:.0f}" for name, ms in self._average_ms.items())
            self._hud_lines = [f"{1000 / total_ms:.0f} frames/s", f"ms: {stages}"]


class _Stopwatch:
    """Milliseconds of each stage since the last restart."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self.laps_ms: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps_ms[name] = self.laps_ms.get(name, 0.0) + (now - self._last) * 1000
        self._last = now

    def restart(self) -> dict[str, float]:
        laps, self.laps_ms = self.laps_ms, {}
        return laps
