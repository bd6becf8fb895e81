from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option, echo

from genderscope.cli import _options, _output, _provenance
from genderscope.core.errors import UsageError
from genderscope.core.extras import require
from genderscope.core.storage import check_new, write_whole

if TYPE_CHECKING:
    from genderscope.core.protocols import Detector
    from genderscope.evaluation.benchmark.results import TimedDocument
    from genderscope.evaluation.predictions import Predictions
    from genderscope.inference.classifier import Classifier
    from genderscope.reporting.page import Table

PANEL = "Measure"

# A round of pictures takes longer than one of the networks, and a frame less.
ROUNDS_PER_PICTURE_ROUND, FRAMES_PER_ROUND = 6, 5


@_options.expanded
def benchmark(
    out: Annotated[Path | None, Option(metavar="DIR"), _options.Output(shared=True)] = None,
    overwrite: _options.Overwrite = False,
    model: Annotated[list[Path] | None, Option(metavar="FILE")] = None,
    dataset: Annotated[list[str] | None, Option(metavar="NAME:PATH")] = None,
    detector: _options.DetectorName = None,
    detector_model: _options.DetectorModel = None,
    exclude: _options.Exclude = None,
    limit: _options.Limit = None,
    rounds: Annotated[int, Option(min=1)] = 60,
    profile: bool = False,
    video: bool = False,
    pictures: Annotated[list[Path] | None, Option(metavar="PATH")] = None,
    seed: _options.Seed = 0,
) -> None:
    """Compare models by accuracy, size and speed.

    Timings are single-threaded and interleaved; run nothing else meanwhile. --video and the
    stages of --profile use the smallest model. Needs the extra [eval].

    Args:
        out: output folder for JSON, Markdown and, with --dataset, a plot.
        model: exported model to compare with the shipped ones; repeatable.
        dataset: also measure accuracy on this data set, by default on its last split; repeatable.
            Needs --out, where the predictions are kept.
        rounds: timing rounds.
        profile: profile by stage and operator instead.
        video: measure frames per second with 1 and 20 faces instead.
        pictures: pictures or folders for --profile, or one picture with a face for --video;
            repeatable.  [default: the packaged portrait]
        seed: random seed of the bootstrap.
    """
    require("sklearn", "eval")
    require("matplotlib", "eval")
    from genderscope import detection
    from genderscope.detection import downloads
    from genderscope.evaluation import benchmark as benchmarks
    from genderscope.evaluation.benchmark import machine, stages
    from genderscope.evaluation.benchmark.results import Profile, VideoBenchmark
    from genderscope.imaging import decode
    from genderscope.inference.classifier import shipped
    from genderscope.inference.explainer import Explainer, guided_file
    from genderscope.inference.pipeline import Pipeline
    from genderscope.reporting import benchmark

    if not dataset:
        _options.of_a_dataset(exclude=exclude, limit=limit)
    if pictures and not (profile or video):
        raise UsageError("--pictures requires --profile or --video")
    if dataset and (out is None or profile or video):
        raise UsageError("--dataset requires --out, and excludes --profile and --video")
    kinds = [name for name, chosen in (("profile", profile), ("video", video)) if chosen]
    for kind in kinds or ["benchmark"]:
        if out and not overwrite:
            check_new(out / f"{kind}.json")
    located_by = detection.create(detector, model=detector_model)
    models = benchmarks.entrants([*shipped(), *(model or [])])
    provenance = _provenance.of(*machine.LIBRARIES, seed=seed)
    if not kinds:
        weights = downloads.weights(located_by.name, detector_model)
        predictions = _predictions(models, located_by, weights, dataset or [], out, exclude, limit)
        compared = benchmarks.compare(models, predictions, rounds, located_by.name, provenance)
        _write(out, "benchmark", compared, benchmark.comparison(compared))
        if out and predictions:
            benchmark.drawing(compared, out / "benchmark.png")
        return
    name, smallest = next(iter(models.items()))
    file = smallest.file
    explainer = Explainer.load(file, threads=1) if guided_file(file).is_file() else None
    if video:
        image = decode.read((pictures or [decode.PORTRAIT])[0])
        scope = Pipeline(smallest, located_by)
        streamed = VideoBenchmark(
            provenance=provenance,
            machine=machine.describe(),
            detector=located_by.name,
            model=name,
            faces=stages.measure_video(image, scope, explainer, rounds * FRAMES_PER_ROUND, seed),
        )
        _write(out, "video", streamed, benchmark.video(streamed))
    if profile:
        timed = stages.measure(  # first, since it checks the pictures
            decode.find(pictures or [decode.PORTRAIT]),
            located_by,
            smallest,
            explainer,
            max(rounds // ROUNDS_PER_PICTURE_ROUND, 1),
        )
        ceiling, networks = benchmarks.profile(models, rounds)
        profiled = Profile(
            provenance=provenance,
            machine=machine.describe(),
            detector=located_by.name,
            model=name,
            pictures=timed,
            ceiling=ceiling,
            networks=networks,
        )
        _write(out, "profile", profiled, benchmark.profile(profiled))
        _output.fail(profiled.pictures.unreadable)


def _predictions(
    models: "dict[str, Classifier]",
    detector: "Detector",
    weights: Path | None,
    sources: Sequence[str],
    out: Path | None,
    exclude: Path | None,
    limit: int | None,
) -> "dict[str, dict[str, Predictions]]":
    """The predictions by data set and model, by name."""
    from genderscope.evaluation.benchmark import predict

    results = {}
    folder = (out or Path()) / "predictions"
    for source in sources:
        folder.mkdir(parents=True, exist_ok=True)
        read = _options.DataOptions(exclude=exclude, limit=limit).read(source, labelled=True)
        data = f"{source.partition(':')[0]}-{read.split}"
        if data in results:
            raise UsageError(f"--dataset {source} is the second data set called {data}")
        samples = read.samples
        results[data] = predict(models, samples, detector, data, folder, echo, weights)
    return results


def _write(out: Path | None, name: str, result: "TimedDocument", tables: "Iterable[Table]") -> None:
    """Print tables; write them and the result that they show."""
    from genderscope.reporting import benchmark
    from genderscope.reporting.tables import printed

    tables = list(tables)
    for table in tables:
        _output.show(printed(table))
    if out:
        result.save(out / f"{name}.json", overwrite=True)
        write_whole(out / f"{name}.md", benchmark.markdown(tables, result).encode())
