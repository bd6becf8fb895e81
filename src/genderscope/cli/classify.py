"""``genderscope classify``: every face of pictures and folders, labelled."""

import signal
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from genderscope.cli import _options

PANEL = "Use"

ENGINES = ("local", "ray")


def classify(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Pictures, folders, tar files, Parquet tables, and addresses of them such as "
            "s3://bucket/folder (extra [cluster]).",
        ),
    ],
    json: Annotated[
        bool, typer.Option("--json", help="A JSON array on standard output instead of a table.")
    ] = False,
    jsonl: Annotated[
        str | None, typer.Option(metavar="FILE", help="JSON Lines; - is standard output.")
    ] = None,
    csv: Annotated[
        str | None, typer.Option(metavar="FILE", help="CSV; - is standard output.")
    ] = None,
    parquet: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Parquet, a folder of parts (extra [eval])."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on where the one --jsonl or --parquet output ends."),
    ] = False,
    annotate: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write pictures with boxes and labels here.")
    ] = None,
    plugin_sinks: _options.Sinks = None,
    crops_are_faces: Annotated[
        bool, typer.Option("--crops-are-faces", help="Each picture is one face, cut out already.")
    ] = False,
    save_predictions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            dir_okay=False,
            help="With --crops-are-faces: a table for compare, as evaluate writes it.",
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(help="A shipped model's name, or an .onnx file.")
    ] = "mini_xception",
    detector: _options.DetectorName = None,
    detector_model: _options.DetectorModel = None,
    detection_size: _options.DetectionSize = None,
    min_score: _options.MinScore = None,
    min_face_px: _options.MinFacePx = None,
    min_confidence: Annotated[
        float | None, typer.Option(min=0, max=1, help="Below it a face is uncertain.")
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Faces that go through the network at once.")
    ] = 64,
    max_pixels: Annotated[
        int | None, typer.Option(min=1, help="Refuse larger pictures, before decoding them.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Threads, or processes of a cluster.  [default: one for each core]"
        ),
    ] = None,
    provider: Annotated[
        str, typer.Option(help="What runs the networks: cpu, cuda, openvino, coreml, ...")
    ] = "cpu",
    engine: Annotated[
        str, typer.Option(help="local, or ray for a cluster (extra [cluster]).")
    ] = "local",
) -> None:
    """Find the faces and classify their gender presentation.

    Failed pictures are named on standard error and do not stop the rest. A folder may be of any
    size: results are written as they come, and --resume continues an interrupted run.
    Exit codes: 0 all done, 1 some pictures failed, 2 wrong usage, 130 interrupted.
    """
    from rich.console import Console

    from genderscope.cli import _folders
    from genderscope.core import plugins
    from genderscope.core.errors import UsageError
    from genderscope.core.terminal import printable
    from genderscope.evaluation import predictions as tables
    from genderscope.inference import bulk

    if engine not in ENGINES:
        raise UsageError(f"no engine {engine!r}; there are: {', '.join(ENGINES)}")
    if save_predictions and not crops_are_faces:
        raise UsageError("--save-predictions needs --crops-are-faces: one face per picture")
    outputs = {
        "json": "-" if json else None,
        "jsonl": jsonl,
        "csv": csv,
        "parquet": parquet,
        "annotate": str(annotate) if annotate else None,
    }
    targets = {name: target for name, target in outputs.items() if target}
    targets |= _options.sink_targets(plugin_sinks)
    if list(targets.values()).count("-") > 1:
        raise UsageError(
            "only one of --json, --jsonl -, --csv - and --sink NAME=- can have standard output"
        )
    alone = len(targets) == 1 and not save_predictions
    if resume and not (alone and targets.keys() <= _folders.RESUMED and jsonl != "-"):
        raise UsageError("--resume needs exactly one output: --jsonl FILE or --parquet DIR")
    if engine == "ray" and not (alone and parquet):
        raise UsageError("--engine ray writes one output: --parquet DIR")
    if not targets.keys() - {"annotate"}:
        targets["table"] = "-"
    if save_predictions:
        save_predictions.parent.mkdir(parents=True, exist_ok=True)

    settings = bulk.Settings(
        # Absolute, for the processes of a cluster.
        model=str(Path(model).absolute()) if Path(model).is_file() else model,
        detector=detector,
        detector_model=str(detector_model.absolute()) if detector_model else None,
        crops_are_faces=crops_are_faces,
        batch_size=batch_size,
        provider=provider,
        keep_pictures=any(
            getattr(plugins.load("sinks", name), "NEEDS_PICTURES", False) for name in targets
        ),
        **_given(
            {
                "detection_size": detection_size,
                "min_score": min_score,
                "min_face_px": min_face_px,
                "min_confidence": min_confidence,
                "max_pixels": max_pixels,
            }
        ),
    )
    scope = settings.scope()
    console = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
    if (ran := scope.classifier.provider) != provider.lower():
        console.print(f"provider {provider} is not there: the networks run on {ran}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both end as Ctrl-C does
    tally: Counter[str] = Counter()
    if engine == "ray":
        tally = _folders.on_a_cluster(paths, str(parquet), settings, workers, resume, console)
    else:
        answers: list[tables.Answer] = []
        for scene in _folders.on_this_machine(
            paths, annotate, settings, scope, targets, resume, workers, console
        ):
            bulk.count(tally, scene)
            if save_predictions:
                answers.append(tables.from_scene(scene))
            if scene.frame.error is not None:
                console.print(printable(scene.frame.error))
        if save_predictions:
            tables.write(save_predictions, tables.of(answers, scope.classifier.name))
    typer.echo(_summary(tally), err=True)
    if tally["failed"]:
        raise typer.Exit(1)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _summary(tally: Counter[str]) -> str:
    return (
        f"pictures: {tally['pictures']}, faces: {tally['faces']} (women: {tally['woman']}, men: "
        f"{tally['man']}, uncertain: {tally['uncertain']}), without a face: {tally['empty']}, "
        f"failed: {tally['failed']}"
    )
