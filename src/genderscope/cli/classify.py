"""``genderscope classify``: every face of pictures and folders, labelled."""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from genderscope.contracts import Scene


def classify(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Pictures and folders.")],
    json: Annotated[
        bool, typer.Option("--json", help="A JSON array on standard output instead of a table.")
    ] = False,
    jsonl: Annotated[
        str | None, typer.Option(metavar="FILE", help="JSON Lines; - is standard output.")
    ] = None,
    csv: Annotated[
        str | None, typer.Option(metavar="FILE", help="CSV; - is standard output.")
    ] = None,
    annotate: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write pictures with boxes and labels here.")
    ] = None,
    crops_are_faces: Annotated[
        bool, typer.Option("--crops-are-faces", help="Each picture is one face, cut out already.")
    ] = False,
    model: Annotated[
        str, typer.Option(help="A shipped model's name, or an .onnx file.")
    ] = "mini_xception",
    detector: Annotated[
        str | None, typer.Option(help="haar or yunet.  [default: yunet if its weights are there]")
    ] = None,
    detector_model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The detector's weights.")
    ] = None,
    detection_size: Annotated[
        int | None, typer.Option(min=32, help="Longest side searched at once, in pixels.")
    ] = None,
    min_score: Annotated[
        float | None, typer.Option(min=0, max=1, help="Drop detections below this score.")
    ] = None,
    min_face_px: Annotated[
        int | None, typer.Option(min=1, help="Drop faces smaller than this, in pixels.")
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option(min=0, max=1, help="Below it a face is uncertain.")
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Faces that go through the network at once.")
    ] = 64,
    max_pixels: Annotated[
        int | None, typer.Option(min=1, help="Refuse larger pictures, before decoding them.")
    ] = None,
) -> None:
    """Find every face and say its perceived gender presentation, with a confidence.

    Failed pictures are named on standard error and do not stop the rest.
    Exit codes: 0 all done, 1 some pictures failed, 2 wrong usage.
    """
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    from genderscope import pipeline, plugins, sources
    from genderscope.contracts import UsageError
    from genderscope.sinks import printable

    targets = {"json": "-" if json else None, "jsonl": jsonl, "csv": csv}
    if list(targets.values()).count("-") > 1:
        raise UsageError("only one of --json, --jsonl - and --csv - can have standard output")
    if not any(targets.values()):
        targets["table"] = "-"
    targets["annotate"] = str(annotate) if annotate else None

    detection = {
        "detection_size": detection_size,
        "min_score": min_score,
        "min_face_px": min_face_px,
    }
    scope = pipeline.load(model, detector, detector_model, min_confidence, **_given(detection))
    frames = sources.frames(paths, avoid=annotate, **_given({"max_pixels": max_pixels}))
    tally: Counter[str] = Counter()
    console = Console(stderr=True)
    with ExitStack() as stack:
        sinks = [
            stack.enter_context(plugins.load("sinks", name).create(target))
            for name, target in targets.items()
            if target
        ]
        progress = stack.enter_context(
            Progress(
                *Progress.get_default_columns(),
                MofNCompleteColumn(),
                console=console,
                transient=True,
                disable=not (console.is_terminal and any(path.is_dir() for path in paths)),
            )
        )
        total = None if progress.disable else sum(1 for _ in sources.find(paths, annotate))
        for scene in progress.track(
            scope.stream(frames, batch_size, crops_are_faces), total, description="pictures"
        ):
            for sink in sinks:
                sink.write(scene)
            _count(tally, scene)
            if scene.frame.error is not None:
                console.print(
                    printable(scene.frame.error), markup=False, highlight=False, soft_wrap=True
                )
    typer.echo(_summary(tally), err=True)
    if tally["failed"]:
        raise typer.Exit(1)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _count(tally: Counter[str], scene: "Scene") -> None:
    tally["pictures"] += 1
    tally["faces"] += len(scene.results)
    tally["failed"] += scene.frame.error is not None
    tally["empty"] += scene.frame.error is None and not scene.results
    tally.update(result.prediction.label for result in scene.results)


def _summary(tally: Counter[str]) -> str:
    return (
        f"pictures: {tally['pictures']}, faces: {tally['faces']} (women: {tally['woman']}, men: "
        f"{tally['man']}, uncertain: {tally['uncertain']}), without a face: {tally['empty']}, "
        f"failed: {tally['failed']}"
    )
