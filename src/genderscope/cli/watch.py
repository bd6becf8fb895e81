import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Exit

from genderscope.cli import INTERRUPTED, _options, _output, _provenance, _signals
from genderscope.cli._video import OutputOptions, SourceOptions, VideoDetectorOptions
from genderscope.core import plugins
from genderscope.core.errors import ModelError, SourceError, UsageError

if TYPE_CHECKING:
    from genderscope.core.results import Provenance
    from genderscope.core.types import LeftOut, Scene
    from genderscope.inference.explainer import Explainer
    from genderscope.inference.pipeline import Pipeline
    from genderscope.sinks.window import Window
    from genderscope.video import Live
    from genderscope.video.cameras import Source
    from genderscope.video.counts import Counts, TrackCounter

PANEL = "Use"


@_options.expanded
@_signals.stoppable()
def watch(
    source: Annotated[str, Argument(metavar="SOURCE")],
    outputs: OutputOptions,
    reading: SourceOptions,
    detection: VideoDetectorOptions,
    model: _options.Model = "mini_xception",
    min_confidence: _options.Threshold = None,
    max_yaw: _options.MaxYaw = None,
    explain: bool = False,
    privacy: Literal["blur"] | None = None,
) -> None:
    """Track, classify and count the faces of a camera or video.

    Scores are averaged along each face's track before its label is decided. Nothing is written
    unless requested. q in the window, Ctrl-C and SIGTERM stop it; all files are completed.
    Exit codes: 0 success, 1 frames or the source failed, 2 usage error, 130 interrupted.

    Args:
        source: camera number, video file, folder of frames, rtsp://... or http://...
        explain: draw guided gradients beside each face.
        privacy: pixelate faces in the window and the video.
    """
    from genderscope.core.types import LeftOut
    from genderscope.inference.classifier import Classifier
    from genderscope.inference.pipeline import Pipeline
    from genderscope.video import Live
    from genderscope.video.correction import measured_confusion
    from genderscope.video.counts import TrackCounter

    if explain and privacy:
        raise UsageError("--explain shows the faces that --privacy hides: choose one of them")
    turned = detection.orientation in ("auto", "any")
    if turned and reading.rotate == "auto":
        raise UsageError(
            "--rotate auto tells the angle by upright faces: leave out --orientation, or name the "
            "angle"
        )
    outputs.check(source)
    outputs.note_unused(explain)
    opened = reading.open(source)
    if opened.stills:
        _output.note(f"{opened.name} looks like photographs, not a video: use classify for those")
    scope = Pipeline(Classifier.load(model), detection.create(), min_confidence, max_yaw)
    _options.note_threshold(scope.classifier.min_confidence, min_confidence)
    drawn = outputs.drawn()
    live = Live(
        scope,
        _explainer(model) if explain and drawn else None,
        # Windows are searched for upright faces only.
        detect_every=1 if turned else detection.detect_every,
        drawn=drawn,
        hud=not outputs.no_hud,
        private=privacy is not None,
        rotation=reading.rotation(scope.detector),
    )
    counter = TrackCounter(measured_confusion(model, scope.detector.name), outputs.interval)
    provenance = _provenance.of("onnxruntime", "opencv-python-headless", "scipy")
    session = Session(opened, scope, counter, provenance, LeftOut())
    interrupted = False
    try:
        _run(session, live, outputs, reading, model)
    except KeyboardInterrupt:
        interrupted = True
    except SourceError as error:
        if not session.frames:
            raise
        _output.error(str(error))
        session.failed = True
    _output.note(_summary(session, detection))
    if interrupted:
        raise Exit(INTERRUPTED)
    if session.failed:
        raise Exit(1)


@dataclass
class Session:
    """A run of ``watch`` so far.

    Attributes:
        left_out: the maximum per frame.
        frames: number processed.
        failed: a frame or the source failed.
    """

    source: "Source"
    scope: "Pipeline"
    counter: "TrackCounter"
    provenance: "Provenance"
    left_out: "LeftOut"
    frames: int = 0
    failed: bool = False

    def counts(self) -> "Counts":
        from genderscope.video.counts import Counts

        return Counts(
            provenance=self.provenance,
            source=self.source.name,
            model=self.scope.classifier.name,
            detector=self.scope.detector.name,
            min_confidence=self.scope.min_confidence,
            frames=self.frames,
            frames_dropped=self.source.dropped,
            left_out=self.left_out,
            tracks=self.counter.counts(),
        )


def _run(
    session: Session, live: "Live", outputs: OutputOptions, reading: SourceOptions, model: str
) -> None:
    """Process frames until the source ends or the user stops."""
    with ExitStack() as stack:
        frames = stack.enter_context(closing(iter(session.source)))
        first = [*islice(frames, 1)]  # a source without frames leaves no outputs
        outputs.save(session.counts)  # now, to fail before anything is counted
        stack.callback(outputs.save, session.counts)  # also if another output fails
        window = plugins.load("sinks", "window").create() if outputs.window else None
        if window:
            stack.enter_context(window)
        sinks = [
            stack.enter_context(plugins.load("sinks", name).create(target))
            for name, target in outputs.targets().items()
        ]
        stack.callback(_signals.ignore)  # while files are completed
        for scene in stack.enter_context(closing(live.stream(chain(first, frames)))):
            if scene.frame.error is None:
                session.frames += 1
            else:
                _output.error(scene.frame.error)
                session.failed |= not session.source.live
            session.left_out = session.left_out.most(scene.left_out)
            for sink in sinks:
                sink.write(scene)
            if session.counter.add(scene.results, scene.frame.time_s):
                outputs.save(session.counts)
            if window and show(window, scene, live, model, paced=not session.source.live):
                return
            if reading.ends(session.frames, scene):
                return


def show(window: "Window", scene: "Scene", live: "Live", model: str, paced: bool) -> bool:
    """Show a scene, at its time if ``paced``, and handle keys; return whether the user quit."""
    if paced:
        time.sleep(max(window.opened_s + (scene.frame.time_s or 0) - time.monotonic(), 0))
    window.write(scene)
    keys = window.keys()
    if "g" in keys and not live.private:
        try:
            live.explainer = None if live.explainer else _explainer(model)
        except ModelError as error:  # a model without gradients is still good for watching
            _output.error(str(error))
    return window.closed or "q" in keys


def _explainer(model: str) -> "Explainer":
    from genderscope.inference.explainer import Explainer

    return Explainer.load(model)


def _summary(session: Session, options: VideoDetectorOptions) -> str:
    from genderscope.detection import MIN_FACE_PX, MIN_SCORE

    counts, left_out = session.counts(), session.left_out
    tracks, total = counts.tracks, counts.tracks.total
    limits = options.min_face_px or MIN_FACE_PX, options.min_score or MIN_SCORE
    return (
        f"frames: {counts.frames}, dropped: {counts.frames_dropped}, "
        f"seconds: {tracks.seconds:.1f}, tracks: {tracks.n} (women: {total.woman}, "
        f"men: {total.man}, uncertain: {total.uncertain})"
    ) + _options.left_out(left_out.small, left_out.faint, *limits, "up to {:,} in a frame")
