"""``genderscope watch``: faces of a camera or a video, followed, labelled and counted."""

import os
import shlex
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import structs

from genderscope.cli import _measured

if TYPE_CHECKING:
    from genderscope.core.types import Scene
    from genderscope.inference.explainer import Explainer
    from genderscope.sinks.window import Window
    from genderscope.video import Live
    from genderscope.video.counts import Counts

PANEL = "Use"


class Privacy(StrEnum):
    """What is done to faces in pictures."""

    blur = "blur"


def watch(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A camera (0), a video, a folder of frames, or rtsp://... or http://...",
        ),
    ],
    window: Annotated[
        bool, typer.Option("--window", help="Show it; g shows what the network looks at, q quits.")
    ] = False,
    video: Annotated[
        Path | None, typer.Option(metavar="FILE.mp4", help="Write an annotated video.")
    ] = None,
    jsonl: Annotated[
        str | None, typer.Option(metavar="FILE", help="One record a frame; - is standard output.")
    ] = None,
    csv: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="One row a face and frame; - is standard output."),
    ] = None,
    counts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json", help="Unique faces by label, corrected for the model's errors."
        ),
    ] = None,
    interval: Annotated[
        float | None, typer.Option(min=1, metavar="SECONDS", help="Count within each, too.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="The guided gradient beside each face.")
    ] = False,
    privacy: Annotated[
        Privacy | None, typer.Option(help="blur pixelates every face that is shown or written.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="A shipped model's name, or an .onnx file.")
    ] = "mini_xception",
    detector: _measured.DetectorName = None,
    detector_model: _measured.DetectorModel = None,
    detection_size: Annotated[
        int, typer.Option(min=32, help="Longest side searched at once, in pixels.")
    ] = 640,
    min_face_px: Annotated[
        int, typer.Option(min=1, help="Drop faces smaller than this, in pixels.")
    ] = 48,
    min_confidence: Annotated[
        float | None, typer.Option(min=0, max=1, help="Below it a face is uncertain.")
    ] = None,
    max_seconds: Annotated[
        float | None, typer.Option(min=0, help="Stop after so much of the source.")
    ] = None,
    max_frames: Annotated[int | None, typer.Option(min=1, help="Stop after so many.")] = None,
    loop: Annotated[
        bool, typer.Option("--loop", help="Begin a file anew when it ends, without end.")
    ] = False,
    frame_rate: Annotated[
        float, typer.Option(min=0.01, help="Pictures a second of a folder.")
    ] = 25.0,
    frozen_seconds: Annotated[
        float, typer.Option(min=0.1, help="Without a picture for so long, a live source is lost.")
    ] = 10.0,
    retries: Annotated[
        int, typer.Option(min=0, help="How often in a row a lost source is opened again.")
    ] = 8,
    retry_seconds: Annotated[
        float, typer.Option(min=0, help="Wait before the first retry; doubled up to 30.")
    ] = 1.0,
) -> None:
    """Track, classify and count the faces of a camera or video.

    Scores are averaged along each face's track before its label is decided. Nothing is written
    unless asked; q in the window, Ctrl-C and SIGTERM stop it and leave whole files.
    Exit codes: 0 all done, 1 frames or the source failed, 2 wrong usage, 130 interrupted.
    """
    from genderscope.cli import INTERRUPTED, _provenance
    from genderscope.core import plugins
    from genderscope.core.errors import SourceError, UsageError
    from genderscope.core.terminal import printable
    from genderscope.inference import pipeline
    from genderscope.video import Live, cameras
    from genderscope.video.correction import measured_confusion
    from genderscope.video.counts import Counts, TrackCounter
    from genderscope.video.newest import Patience

    if jsonl == csv == "-":
        raise UsageError("only one of --jsonl - and --csv - can have standard output")
    if explain and privacy:
        raise UsageError("--explain shows the very faces that --privacy is to hide: not both")
    _spare(source, (jsonl, csv, video, counts))
    opened = cameras.open_source(
        source,
        loop=loop,
        frame_rate=frame_rate,
        patience=Patience(frozen_seconds, retries, retry_seconds),
    )
    if loop and opened.live:
        raise UsageError("--loop begins a file or a folder anew, and this source is live")
    scope = pipeline.load(
        model,
        detector,
        detector_model,
        min_confidence,
        detection_size=detection_size,
        min_face_px=min_face_px,
    )
    live = Live(
        scope,
        _explainer(model) if explain else None,
        drawn=window or video is not None,
        private=privacy is not None,
    )
    counter = TrackCounter(measured_confusion(model, scope.detector.name), interval)
    tally: Counter[str] = Counter()

    provenance = _provenance.of("onnxruntime", "opencv-python-headless", "scipy")
    # The source's name rather than the source, which may hold a password.
    command = provenance.command.replace(shlex.quote(source), shlex.quote(opened.name))
    provenance = structs.replace(provenance, command=command)

    def report() -> Counts:
        return Counts(
            provenance=provenance,
            source=opened.name,
            model=scope.classifier.name,
            detector=scope.detector.name,
            min_confidence=scope.min_confidence,
            frames=tally["frames"],
            frames_dropped=opened.dropped,
            tracks=counter.counts(),
        )

    with _stoppable():
        if counts:
            _save(counts, report())  # what cannot be written is known before anything is counted
        try:
            with ExitStack() as stack:
                shown = (
                    stack.enter_context(plugins.load("sinks", "window").create())
                    if window
                    else None
                )
                targets = {"jsonl": jsonl, "face_rows": csv, "video": video}
                sinks = [
                    stack.enter_context(plugins.load("sinks", name).create(str(target)))
                    for name, target in targets.items()
                    if target
                ]
                stack.callback(_ignore_signals)  # while files are being finished
                frames = stack.enter_context(closing(iter(opened)))
                for scene in stack.enter_context(closing(live.stream(frames))):
                    if scene.frame.error is not None:
                        typer.echo(printable(scene.frame.error), err=True)
                        tally["failed"] += not opened.live
                    else:
                        tally["frames"] += 1
                    for sink in sinks:
                        sink.write(scene)
                    if counter.add(scene.results, scene.frame.time_s) and counts:
                        _save(counts, report())
                    if shown and _leaves(shown, scene, live, model, paced=not opened.live):
                        break
                    if tally["frames"] == max_frames:
                        break
                    if max_seconds is not None and (scene.frame.time_s or 0) >= max_seconds:
                        break
        except KeyboardInterrupt:
            tally["interrupted"] = 1
        except SourceError as error:
            if not tally["frames"]:
                raise
            typer.echo(printable(str(error)), err=True)
            tally["failed"] += 1
        if counts:
            _save(counts, report())
    typer.echo(_summary(report()), err=True)
    if tally["interrupted"]:
        raise typer.Exit(INTERRUPTED)
    if tally["failed"]:
        raise typer.Exit(1)


def _spare(source: str, targets: tuple[str | Path | None, ...]) -> None:
    """Refuse to write over what is read."""
    from genderscope.core.errors import UsageError

    for target in targets:
        if (
            target
            and os.path.exists(source)
            and os.path.exists(target)
            and os.path.samefile(source, target)
        ):
            raise UsageError(f"{target} is the source itself: write to another file")


def _explainer(model: str) -> "Explainer":
    from genderscope.inference.explainer import Explainer

    return Explainer.load(model)


@contextmanager
def _stoppable() -> Iterator[None]:
    """SIGTERM stops as Ctrl-C does; afterwards both do what they did before."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _leaves(window: "Window", scene: "Scene", live: "Live", model: str, paced: bool) -> bool:
    """Show a scene, at its own time if it is recorded, and do what was typed; whether to stop."""
    if paced:
        time.sleep(max(window.opened_s + (scene.frame.time_s or 0) - time.monotonic(), 0))
    window.write(scene)
    keys = window.keys()
    if "g" in keys and not live.private:
        live.explainer = None if live.explainer else _explainer(model)
    return window.closed or "q" in keys


def _save(file: Path, counts: "Counts") -> None:
    from genderscope.core.errors import UsageError

    try:
        counts.save(file, overwrite=True)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error


def _summary(counts: "Counts") -> str:
    tracks, total = counts.tracks, counts.tracks.total
    return (
        f"frames: {counts.frames}, dropped: {counts.frames_dropped}, "
        f"seconds: {tracks.seconds:.1f}, tracks: {tracks.n} (women: {total.woman}, "
        f"men: {total.man}, uncertain: {total.uncertain})"
    )
