"""Moving pictures: the one loop that finds, classifies, explains, follows and draws faces.

Knows nothing of where frames come from, and nothing of files, screens or keys.
"""

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from genderscope.core.errors import PictureError, UsageError
from genderscope.core.types import Frame, Image, Prediction, Result, Scene
from genderscope.imaging import draw
from genderscope.inference.explainer import Explainer
from genderscope.inference.locate import locate
from genderscope.inference.pipeline import Scope
from genderscope.video.tracking import Tracker

# How much of the last frame's time goes into those on the screen.
FRESH = 0.1


@dataclass(frozen=True, slots=True)
class Moment(Scene):
    """A scene of a moving source, its results with their sightings.

    Attributes:
        stage_ms: milliseconds of each stage in turn; ``read`` is the wait for the frame, and
            ``write`` what the taker of the moment before did with it.
        maps: one grey picture, (size, size) uint8, for each result, where explained.
    """

    stage_ms: dict[str, float] = field(default_factory=dict)
    maps: tuple[Image, ...] = ()


class Live:
    """Runs a detector and a classifier over a stream of frames; see ``stream``.

    Args:
        scope: the detector and the classifier.
        explainer: of the same model.
        tracker: follows the faces; by default a ``Tracker`` of its own.
        drawn: each moment has a picture to be shown.
        private: that picture shows no face that was found, or was found up to ``memory_s`` ago.

    Attributes:
        explainer: may be changed while the stream runs; None explains nothing.
        private: see above.
    """

    def __init__(
        self,
        scope: Scope,
        explainer: Explainer | None = None,
        tracker: Tracker | None = None,
        *,
        drawn: bool = True,
        private: bool = False,
    ) -> None:
        if explainer and private:
            raise UsageError("maps show the very faces that are to be hidden: not both")
        self.explainer, self.private = explainer, private
        self.tracker = tracker or Tracker()
        self._scope, self._drawn = scope, drawn
        self._usual_ms: dict[str, float] = {}

    def stream(self, frames: Iterable[Frame]) -> Generator[Moment]:
        """A moment for each frame, in order; one with an error passes through."""
        watch = _Stopwatch()
        for frame in frames:
            watch.lap("read")
            moment = self._moment(frame, watch)
            yield moment
            watch.lap("write")
            self._remember(watch.restart())

    def _moment(self, frame: Frame, watch: "_Stopwatch") -> Moment:
        if frame.image is None:
            return Moment(frame)
        size = (frame.image.shape[1], frame.image.shape[0])
        spec = self._scope.classifier.spec
        try:
            located = locate(frame, self._scope.detector, spec, lap=watch.lap)
        except PictureError as error:
            return Moment(replace(frame, image=None, error=str(error)))
        scores, maps = self._answers(located.crops)
        watch.lap("explain" if maps else "classify")
        singles = [
            Result(face, Prediction((woman, man), self._scope.min_confidence))
            for face, (woman, man) in zip(located.faces, scores, strict=True)
        ]
        results = self.tracker.update(singles, frame.time_s or 0.0, size)
        watch.lap("track")
        drawn = self._picture(frame.image, results, maps) if self._drawn else None
        watch.lap("draw")
        return Moment(frame, results, drawn, dict(watch.laps_ms), maps)

    def _answers(self, crops: Sequence[Image]) -> tuple[list[list[float]], tuple[Image, ...]]:
        if not crops:
            return [], ()
        if self.explainer is not None:
            scores, maps = self.explainer(np.stack(crops))
            return scores.tolist(), tuple(map(self.explainer.picture, maps))
        return self._scope.classifier(np.stack(crops)).tolist(), ()

    def _picture(self, image: Image, results: tuple[Result, ...], maps: tuple[Image, ...]) -> Image:
        if self.private:
            hidden = self.tracker.hidden((image.shape[1], image.shape[0]))
            image = draw.pixelated(image, [*(result.face.box for result in results), *hidden])
        image = draw.draw(image, results)
        if maps:
            image = draw.beside(image, results, maps)
        return draw.caption(image, self._lines()) if self._usual_ms else image

    def _lines(self) -> list[str]:
        total_ms = sum(self._usual_ms.values())
        stages = ", ".join(f"{name} {spent:.0f}" for name, spent in self._usual_ms.items())
        return [f"{1000 / total_ms:.0f} frames/s", f"ms: {stages}"]

    def _remember(self, laps_ms: dict[str, float]) -> None:
        for name, spent in laps_ms.items():
            usual = self._usual_ms.get(name, spent)
            self._usual_ms[name] = usual + FRESH * (spent - usual)
        # What is not done any more, such as explaining, takes no more time.
        self._usual_ms = {name: self._usual_ms[name] for name in laps_ms}


class _Stopwatch:
    """Milliseconds of each stage since the last restart."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock, self._last = clock, clock()
        self.laps_ms: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = self._clock()
        self.laps_ms[name] = (now - self._last) * 1000
        self._last = now

    def restart(self) -> dict[str, float]:
        laps, self.laps_ms = self.laps_ms, {}
        return laps
