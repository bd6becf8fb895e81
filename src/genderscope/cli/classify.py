from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from typer import Argument, Exit, Option

from genderscope.cli import INTERRUPTED, _options, _output, _pictures, _signals
from genderscope.core import plugins
from genderscope.core.errors import UsageError
from genderscope.core.storage import is_stream
from genderscope.imaging.limits import Limits

PANEL = "Use"

RESUMABLE = {"jsonl", "parquet"}


@dataclass(frozen=True)
class OutputOptions:
    """Where results are written.

    Attributes:
        json: print a JSON array instead of a table.
        jsonl: JSON Lines output; - for standard output.
        csv: CSV output; - for standard output.
        parquet: output folder for Parquet files (extra [eval]).
        annotate: output folder for pictures with boxes and labels.
        save_predictions: table of predictions for compare and audit; needs --crops-are-faces.
        resume: continue an interrupted run; needs a single --jsonl or --parquet output.
    """

    PANEL: ClassVar[str] = "Outputs"

    json: bool = False
    jsonl: Annotated[
        str | None, Option(metavar="FILE"), _options.Output(resumable=True, text=True)
    ] = None
    csv: Annotated[str | None, Option(metavar="FILE"), _options.Output(text=True)] = None
    parquet: Annotated[
        str | None,
        Option(metavar="DIR"),
        _options.Output("_settings.json", resumable=True, anywhere=True),
    ] = None
    annotate: Annotated[Path | None, Option(metavar="DIR"), _options.Output(shared=True)] = None
    plugin_sinks: _options.Sinks = None
    save_predictions: _options.PredictionsFile = None
    resume: bool = False
    overwrite: _options.Overwrite = False

    def targets(self, engine: str) -> dict[str, str]:
        """Sinks and their targets; ``UsageError`` if they or the engine conflict."""
        named = {
            "json": "-" if self.json else None,
            "jsonl": self.jsonl,
            "csv": self.csv,
            "parquet": self.parquet,
            "annotate": self.annotate,
        }
        targets = _options.sink_targets(named, self.plugin_sinks)
        if list(targets.values()).count("-") > 1:
            raise UsageError(
                "only one of --json, --jsonl -, --csv - and --sink NAME=- can use standard output"
            )
        if self.resume and self.overwrite:
            raise UsageError("--resume keeps what --overwrite replaces: choose one")
        if self.resume and not self.resumable(targets):
            raise UsageError("--resume needs exactly one output: --jsonl FILE or --parquet DIR")
        if engine == "ray" and not (self.parquet and self.resumable(targets)):
            raise UsageError("--engine ray requires exactly one output: --parquet DIR")
        return targets if targets.keys() - {"annotate"} else targets | {"table": "-"}

    def resumable(self, targets: dict[str, str]) -> bool:
        """Whether ``--resume`` can continue an interrupted run."""
        single = len(targets) == 1 and not self.save_predictions
        return single and targets.keys() <= RESUMABLE and not any(map(is_stream, targets.values()))


@_options.expanded
@_signals.stoppable()
def classify(
    paths: Annotated[list[str], Argument(metavar="PATH...")],
    outputs: OutputOptions,
    detection: _options.PictureDetectorOptions,
    limits: Limits,
    min_confidence: _options.Threshold = None,
    max_yaw: _options.MaxYaw = None,
    crops_are_faces: bool = False,
    model: _options.Model = "mini_xception",
    batch_size: _options.BatchSize = 64,
    workers: Annotated[int | None, Option(min=1)] = None,
    provider: str = "cpu",
    engine: _options.Engine = "local",
) -> None:
    """Detect faces and classify perceived gender presentation.

    Pictures that fail are listed on standard error; the others are still classified. An output is
    named FILE.part until it is complete, and --resume continues an interrupted run.
    Exit codes: 0 success, 1 some pictures failed, 2 usage error, 130 interrupted.

    Args:
        paths: pictures, folders, patterns such as 'photos/*.jpg', tar files, Parquet tables, web
            addresses of pictures, - for standard input, or s3://bucket/folder (extra [cluster]).
        crops_are_faces: skip detection: each picture is a cropped face.
        workers: threads, or processes on a cluster.  [default: one per CPU core]
        provider: ONNX Runtime execution provider: cpu, cuda, openvino, coreml, ...
    """
    from genderscope.cli import _bulk
    from genderscope.inference import bulk
    from genderscope.sinks import parquet

    _options.check("engine", engine, _options.ENGINES)
    if outputs.save_predictions:
        from genderscope.evaluation import predictions  # slow to import

        if not crops_are_faces:
            raise UsageError("--save-predictions needs --crops-are-faces: one face per picture")
    targets = outputs.targets(engine)
    places = _pictures.named(paths)
    if engine == "ray" and "-" in places:
        raise UsageError("--engine ray cannot read standard input")
    options = asdict(detection) | {"min_confidence": min_confidence, "max_yaw": max_yaw}
    if detection.detector_model:
        options["detector_model"] = str(detection.detector_model.absolute())
    settings = bulk.Settings(
        # Absolute, for the processes of a cluster.
        model=str(Path(model).absolute()) if Path(model).is_file() else model,
        crops_are_faces=crops_are_faces,
        batch_size=batch_size,
        limits=limits,
        provider=provider,
        keep_pictures=any(
            getattr(plugins.load("sinks", name), "NEEDS_PICTURES", False) for name in targets
        ),
        **{name: value for name, value in options.items() if value is not None},
    )
    scope = settings.scope()
    _output.detail(f"model {scope.classifier.name}, detector {scope.detector.name}: {settings}")
    _options.note_threshold(scope.classifier.min_confidence, min_confidence)
    _options.advise(scope.detector)
    if (running := scope.classifier.provider) != provider.lower():
        _output.error(f"provider {provider} is not available: the networks run on {running}")
    if outputs.overwrite and outputs.parquet:
        parquet.clear(outputs.parquet)
    tally: Counter[str] = Counter()
    unread: Counter[str] = Counter()
    earlier: Counter[str] | None = Counter() if outputs.resume else None
    interrupted = False
    try:
        if engine == "ray":
            place = str(outputs.parquet)
            for part in _bulk.on_a_cluster(places, place, settings, workers, earlier, unread):
                tally.update(part)
        else:
            answers: list[predictions.Answer] = []
            for scene in _bulk.on_this_machine(
                places, outputs.annotate, settings, scope, targets, earlier, workers, unread, tally
            ):
                if outputs.save_predictions:
                    answers.append(predictions.from_scene(scene))
                if scene.frame.error is not None:
                    _output.error(scene.frame.error)
            if outputs.save_predictions:
                table = predictions.of(answers, scope.classifier.name)
                predictions.write(outputs.save_predictions, table)
    except KeyboardInterrupt:
        interrupted = True
        option = "--resume continues" if outputs.resumable(targets) else "--overwrite starts over"
        kept = not all(map(is_stream, targets.values()))
        advice = f": the same command with {option}" if kept else ""
        _output.error(f"interrupted{advice}")
    limits_used = settings.min_face_px, settings.min_score
    left_out = _options.left_out(tally["small"], tally["faint"], *limits_used)
    _output.note(_summary(tally) + left_out)
    if earlier:
        _output.note(f"with earlier runs: {_summary(earlier + tally)}")
    _pictures.note_unread(unread)
    if interrupted:
        raise Exit(INTERRUPTED)
    total = tally + (earlier or Counter())
    _pictures.fail(paths, total["pictures"] > 0, total["failed"])


def _summary(tally: Counter[str]) -> str:
    return (
        f"pictures: {tally['pictures']}, faces: {tally['faces']} (women: {tally['woman']}, men: "
        f"{tally['man']}, uncertain: {tally['uncertain']}), without a face: {tally['empty']}, "
        f"failed: {tally['failed']}"
    )
