"""``genderscope classify``: label the faces of pictures, folders and archives."""

import signal
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from genderscope.cli import _options
from genderscope.cli._options import DetectorOptions, Model, expanded
from genderscope.core.errors import UsageError

PANEL = "Use"

ENGINES = ("local", "ray")
RESUMABLE = {"jsonl", "parquet"}


@dataclass(frozen=True)
class Outputs:
    """Where results are written."""

    json: Annotated[
        bool, typer.Option("--json", help="A JSON array on standard output instead of a table.")
    ] = False
    jsonl: Annotated[
        str | None, typer.Option(metavar="FILE", help="JSON Lines; - is standard output.")
    ] = None
    csv: Annotated[str | None, typer.Option(metavar="FILE", help="CSV; - is standard output.")] = (
        None
    )
    parquet: Annotated[
        str | None, typer.Option(metavar="DIR", help="Parquet, a folder of parts (extra [eval]).")
    ] = None
    annotate: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Pictures with boxes and labels.")
    ] = None
    plugin_sinks: _options.Sinks = None
    save_predictions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            dir_okay=False,
            help="With --crops-are-faces: a table for compare and audit.",
        ),
    ] = None
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the one --jsonl or --parquet output.")
    ] = False

    def targets(self, engine: str) -> dict[str, str]:
        """Sinks and their targets.

        Raises:
            UsageError: the outputs cannot be written together, or with this engine.
        """
        named = {
            "json": "-" if self.json else None,
            "jsonl": self.jsonl,
            "csv": self.csv,
            "parquet": self.parquet,
            "annotate": str(self.annotate) if self.annotate else None,
        }
        targets = {name: target for name, target in named.items() if target}
        targets |= _options.sink_targets(self.plugin_sinks)
        if list(targets.values()).count("-") > 1:
            raise UsageError(
                "only one of --json, --jsonl -, --csv - and --sink NAME=- can have standard output"
            )
        single = len(targets) == 1 and not self.save_predictions
        if self.resume and not (single and targets.keys() <= RESUMABLE and self.jsonl != "-"):
            raise UsageError("--resume needs exactly one output: --jsonl FILE or --parquet DIR")
        if engine == "ray" and not (single and self.parquet):
            raise UsageError("--engine ray writes one output: --parquet DIR")
        return targets if targets.keys() - {"annotate"} else targets | {"table": "-"}


@dataclass(frozen=True)
class Limits:
    """Options of ``bulk.Settings``; those that are None have its defaults."""

    min_confidence: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Faces below this confidence are uncertain."),
    ] = None
    max_pixels: Annotated[
        int | None, typer.Option(min=1, help="Reject larger pictures before decoding.")
    ] = None


@expanded
def classify(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Pictures, folders, tar files, Parquet tables, and their addresses, such as "
            "s3://bucket/folder (extra [cluster]).",
        ),
    ],
    outputs: Outputs,
    detection: DetectorOptions,
    limits: Limits,
    crops_are_faces: Annotated[
        bool, typer.Option("--crops-are-faces", help="Each picture is one face, already cropped.")
    ] = False,
    model: Model = "mini_xception",
    batch_size: Annotated[int, typer.Option(min=1, help="Faces per run of the network.")] = 64,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Threads, or processes of a cluster.  [default: one for each core]"
        ),
    ] = None,
    provider: Annotated[
        str, typer.Option(help="Execution provider: cpu, cuda, openvino, coreml, ...")
    ] = "cpu",
    engine: Annotated[
        str, typer.Option(help="local, or ray for a cluster (extra [cluster]).")
    ] = "local",
) -> None:
    """Find the faces and classify their gender presentation.

    Pictures that fail are listed on standard error; the others are still classified. Results are
    written as they are computed, and --resume continues an interrupted run.
    Exit codes: 0 all done, 1 some pictures failed, 2 wrong usage, 130 interrupted.
    """
    from rich.console import Console

    from genderscope.cli import _bulk
    from genderscope.core import plugins
    from genderscope.core.terminal import printable
    from genderscope.evaluation import predictions
    from genderscope.inference import bulk

    if engine not in ENGINES:
        raise UsageError(f"no engine {engine!r}; there are: {', '.join(ENGINES)}")
    if outputs.save_predictions and not crops_are_faces:
        raise UsageError("--save-predictions needs --crops-are-faces: one face per picture")
    targets = outputs.targets(engine)
    if outputs.save_predictions:
        outputs.save_predictions.parent.mkdir(parents=True, exist_ok=True)

    options = asdict(detection) | asdict(limits)
    if detection.detector_model:
        options["detector_model"] = str(detection.detector_model.absolute())
    settings = bulk.Settings(
        # Absolute, for the processes of a cluster.
        model=str(Path(model).absolute()) if Path(model).is_file() else model,
        crops_are_faces=crops_are_faces,
        batch_size=batch_size,
        provider=provider,
        keep_pictures=any(
            getattr(plugins.load("sinks", name), "NEEDS_PICTURES", False) for name in targets
        ),
        **{name: value for name, value in options.items() if value is not None},
    )
    scope = settings.scope()
    console = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
    if (running := scope.classifier.provider) != provider.lower():
        console.print(f"provider {provider} is not available: the networks run on {running}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    tally: Counter[str] = Counter()
    if engine == "ray":
        tally = _bulk.on_a_cluster(
            paths, str(outputs.parquet), settings, workers, outputs.resume, console
        )
    else:
        answers: list[predictions.Answer] = []
        for scene in _bulk.on_this_machine(
            paths, outputs.annotate, settings, scope, targets, outputs.resume, workers, console
        ):
            bulk.count(tally, scene)
            if outputs.save_predictions:
                answers.append(predictions.from_scene(scene))
            if scene.frame.error is not None:
                console.print(printable(scene.frame.error))
        if outputs.save_predictions:
            predictions.write(
                outputs.save_predictions, predictions.of(answers, scope.classifier.name)
            )
    typer.echo(_summary(tally), err=True)
    if tally["failed"]:
        raise typer.Exit(1)


def _summary(tally: Counter[str]) -> str:
    return (
        f"pictures: {tally['pictures']}, faces: {tally['faces']} (women: {tally['woman']}, men: "
        f"{tally['man']}, uncertain: {tally['uncertain']}), without a face: {tally['empty']}, "
        f"failed: {tally['failed']}"
    )
