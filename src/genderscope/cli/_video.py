"""The options of ``watch`` by group."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from genderscope.cli._options import DetectorOptions

if TYPE_CHECKING:
    from genderscope.core.types import Scene
    from genderscope.video.cameras import Source
    from genderscope.video.counts import Counts


@dataclass(frozen=True)
class OutputOptions:
    """What is shown and written."""

    PANEL: ClassVar[str] = "Outputs"

    window: Annotated[
        bool, typer.Option("--window", help="Open a window: g toggles explanations, q quits.")
    ] = False
    video: Annotated[
        Path | None, typer.Option(metavar="FILE.mp4", help="Write an annotated video.")
    ] = None
    jsonl: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write one record per frame; - is standard output."),
    ] = None
    csv: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write one row per face and frame; - as above."),
    ] = None
    sink: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=TARGET", help="Write with a plug-in; may be repeated."),
    ] = None
    counts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json", help="Count people by label, corrected for the model's errors."
        ),
    ] = None
    interval: Annotated[
        float | None, typer.Option(min=1, metavar="SECONDS", help="Also count per interval.")
    ] = None

    def check(self, source: str) -> None:
        """Refuse outputs that collide with each other or with the source."""
        from genderscope.core.errors import UsageError

        if self.jsonl == self.csv == "-":
            raise UsageError("--jsonl - and --csv - cannot both use standard output")
        for file in (self.jsonl, self.csv, self.video, self.counts):
            exist = file and os.path.exists(source) and os.path.exists(file)
            if exist and os.path.samefile(source, str(file)):
                raise UsageError(f"{file} is the source: choose another file")

    def save(self, counts: "Callable[[], Counts]") -> None:
        """Write the counts, if they were requested."""
        from genderscope.core.errors import UsageError

        if self.counts:
            try:
                counts().save(self.counts, overwrite=True)
            except OSError as error:
                raise UsageError(f"{self.counts} cannot be written: {error.strerror}") from error


@dataclass(frozen=True)
class SourceOptions:
    """How the source is read."""

    PANEL: ClassVar[str] = "Source"

    max_seconds: Annotated[
        float | None, typer.Option(min=0, help="Stop after this much of the source.")
    ] = None
    max_frames: Annotated[int | None, typer.Option(min=1, help="Stop after this many frames.")] = (
        None
    )
    loop: Annotated[
        bool, typer.Option("--loop", help="Restart a file at its end, indefinitely.")
    ] = False
    frame_rate: Annotated[
        float, typer.Option(min=0.01, help="Pictures per second of a folder.")
    ] = 25.0
    frozen_seconds: Annotated[
        float, typer.Option(min=0.1, help="A live source is lost after so long without a picture.")
    ] = 10.0
    retries: Annotated[
        int, typer.Option(min=0, help="How often in a row a lost source is reopened.")
    ] = 8
    retry_seconds: Annotated[
        float, typer.Option(min=0, help="Wait before the first retry; doubled up to 30.")
    ] = 1.0

    def open(self, source: str) -> "Source":
        from genderscope.core.errors import UsageError
        from genderscope.video.cameras import open_source
        from genderscope.video.newest import Patience

        patience = Patience(self.frozen_seconds, self.retries, self.retry_seconds)
        opened = open_source(source, loop=self.loop, frame_rate=self.frame_rate, patience=patience)
        if self.loop and opened.live:
            raise UsageError("--loop needs a file or a folder, not a live source")
        return opened

    def ends(self, frames: int, scene: "Scene") -> bool:
        """Whether to stop after a scene, the last of so many frames."""
        late = self.max_seconds is not None and (scene.frame.time_s or 0) >= self.max_seconds
        return late or frames == self.max_frames


@dataclass(frozen=True)
class VideoDetectorOptions(DetectorOptions):
    """The detector, with defaults for video."""

    detection_size: Annotated[
        int, typer.Option(min=32, help="Longest side searched at once, in pixels.")
    ] = 640
    min_face_px: Annotated[
        int, typer.Option(min=1, help="Drop faces smaller than this, in pixels.")
    ] = 48
