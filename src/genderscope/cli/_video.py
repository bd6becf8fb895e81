"""The options of ``watch``, by group."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from typer import Option

from genderscope.cli import _options, _output
from genderscope.core import plugins
from genderscope.core.errors import UsageError

if TYPE_CHECKING:
    from genderscope.core.protocols import Detector
    from genderscope.core.types import Scene
    from genderscope.video.cameras import Source
    from genderscope.video.counts import Counts
    from genderscope.video.rotation import Rotation


@dataclass(frozen=True)
class OutputOptions:
    """What is shown and written.

    Attributes:
        window: show a window: g toggles explanations, q quits.
        video: annotated video output.
        no_hud: leave times and the frame rate out of the window and the video.
        jsonl: JSON Lines output, one record per frame; - for standard output.
        csv: CSV output, one row per face and frame; - for standard output.
        counts: counts of people by label, corrected for the model's error rates.
        interval: also count per interval of this length.
    """

    PANEL: ClassVar[str] = "Outputs"

    window: bool = False
    video: Annotated[Path | None, Option(metavar="FILE.mp4", dir_okay=False), _options.Output()] = (
        None
    )
    no_hud: bool = False
    jsonl: Annotated[str | None, Option(metavar="FILE"), _options.Output(text=True)] = None
    csv: Annotated[str | None, Option(metavar="FILE"), _options.Output(text=True)] = None
    sink: _options.Sinks = None
    counts: Annotated[Path | None, Option(metavar="FILE.json"), _options.Output(text=True)] = None
    interval: Annotated[float | None, Option(min=1, metavar="SECONDS")] = None

    def targets(self) -> dict[str, str]:
        """The sinks and their targets."""
        named = {"jsonl": self.jsonl, "face_rows": self.csv, "video": self.video}
        return _options.sink_targets(named, self.sink)

    def drawn(self) -> bool:
        """Whether pictures with results are shown or written."""
        sinks = (plugins.load("sinks", name) for name in self.targets())
        return self.window or any(getattr(sink, "NEEDS_PICTURES", False) for sink in sinks)

    def check(self, source: str) -> None:
        """Refuse outputs that collide with each other or with the source."""
        targets = list(self.targets().values())
        if targets.count("-") > 1:
            raise UsageError(
                "only one of --jsonl -, --csv - and --sink NAME=- can use standard output"
            )
        for file in (*targets, self.counts):
            exist = file and os.path.exists(source) and os.path.exists(file)
            if exist and os.path.samefile(source, str(file)):
                raise UsageError(f"{file} is the source: choose another file")

    def note_unused(self, explain: bool) -> None:
        """Say which options have no effect without others."""
        if explain and not self.drawn():
            _output.note("--explain has no effect without --window or --video")
        if self.interval and not self.counts:
            _output.note("--interval has no effect without --counts")

    def save(self, counts: "Callable[[], Counts]") -> None:
        """Write the counts, if they were requested."""
        if self.counts:
            counts().save(self.counts, overwrite=True)


@dataclass(frozen=True)
class SourceOptions:
    """How the source is read.

    Attributes:
        max_seconds: stop after this many seconds of the source.
        max_frames: stop after this many frames.
        loop: loop a file or folder.
        frame_rate: frame rate of a folder.
        frozen_seconds: seconds without a frame before a live source counts as lost.
        retries: consecutive attempts to reopen a lost source.
        retry_seconds: initial wait between attempts; doubles up to 30 s.
        rotate: rotate frames clockwise by this angle, or auto: until faces are upright.
    """

    PANEL: ClassVar[str] = "Source"

    max_seconds: Annotated[float | None, Option(min=0)] = None
    max_frames: Annotated[int | None, Option(min=1)] = None
    loop: bool = False
    frame_rate: Annotated[float, Option(min=0.01)] = 25.0
    frozen_seconds: Annotated[float, Option(min=0.1)] = 10.0
    retries: Annotated[int, Option(min=0)] = 8
    retry_seconds: Annotated[float, Option(min=0)] = 1.0
    rotate: Literal["0", "90", "180", "270", "auto"] = "0"

    def open(self, source: str) -> "Source":
        from genderscope.video.cameras import open_source
        from genderscope.video.newest import Patience

        patience = Patience(self.frozen_seconds, self.retries, self.retry_seconds)
        opened = open_source(source, loop=self.loop, frame_rate=self.frame_rate, patience=patience)
        if self.loop and opened.live:
            raise UsageError("--loop needs a file or a folder, not a live source")
        return opened

    def rotation(self, detector: "Detector") -> "Rotation":
        from genderscope.video.rotation import Rotation

        return Rotation(detector, None if self.rotate == "auto" else int(self.rotate))

    def ends(self, frames: int, scene: "Scene") -> bool:
        """Whether to stop after a scene, number ``frames``."""
        late = self.max_seconds is not None and (scene.frame.time_s or 0) >= self.max_seconds
        return late or frames == self.max_frames


@dataclass(frozen=True)
class VideoDetectorOptions(_options.IgnoringDetectorOptions):
    """Detector options with defaults for video.

    Attributes:
        detect_every: search the whole frame every N frames; in between, only windows around the
            tracks. 1 also scores every face in every frame.
    """

    detection_size: _options.DetectionSize = 640
    min_face_px: _options.MinFacePx = 48
    detect_every: Annotated[int, Option(min=1)] = 5
