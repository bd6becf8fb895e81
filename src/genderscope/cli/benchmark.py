"""``genderscope benchmark``: the models beside each other, and where their time goes."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genderscope.cli import _options

if TYPE_CHECKING:
    from rich.console import Console

    from genderscope.core.protocols import Detector
    from genderscope.evaluation.benchmark import Entrant
    from genderscope.evaluation.predictions import Predictions
    from genderscope.inference.explainer import Explainer
    from genderscope.reporting.page import Table

PANEL = "Measure"

ASSET = Path(__file__).parents[1] / "imaging" / "samples" / "astronaut.jpg"
# Pictures take longer than a turn of the networks, and frames less.
ROUNDS_PER_PICTURE_ROUND, FRAMES_PER_ROUND = 6, 5


def benchmark(
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write what is measured as JSON, Markdown and drawing."),
    ] = None,
    model: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="An exported model beside the shipped ones; repeatable."),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:PATH",
            help="Measure accuracy too, on its last split or that of NAME:PATH?split=S; "
            "repeatable. Goes with --out, where the answers are kept.",
        ),
    ] = None,
    detector: _options.DetectorName = None,
    detector_model: _options.DetectorModel = None,
    exclude: _options.Exclude = None,
    limit: _options.Limit = None,
    rounds: Annotated[
        int, typer.Option(min=1, help="How often everything that is timed takes its turn.")
    ] = 60,
    profile: Annotated[
        bool,
        typer.Option("--profile", help="Instead: time by stage and operator, and its limit."),
    ] = False,
    video: Annotated[
        bool, typer.Option("--video", help="Instead: frames a second, with 1 face and with 20.")
    ] = False,
    pictures: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Pictures or folders for --profile, one with a face for --video; repeatable. "
            "[default: the one in the package]",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
) -> None:
    """Compare models by accuracy, size and speed.

    What is timed runs on one thread and takes turns; let nothing else run beside it. Beyond the
    networks, --profile and --video take the smallest model. Needs the extra [eval].
    """
    from genderscope.core.errors import UsageError
    from genderscope.core.extras import require

    require("sklearn", "eval")
    require("matplotlib", "eval")
    import shlex
    import sys

    from rich.console import Console

    from genderscope import detection
    from genderscope.cli import printable
    from genderscope.evaluation import benchmark as benchmarks
    from genderscope.evaluation.benchmark import machine, stages
    from genderscope.evaluation.benchmark import video as moving
    from genderscope.imaging import decode
    from genderscope.inference.classifier import shipped
    from genderscope.inference.pipeline import Scope
    from genderscope.reporting import benchmark

    if dataset and (out is None or profile or video):
        raise UsageError("--dataset goes with --out, and not with --profile or --video")
    finder = detection.create(detector, model=detector_model)
    models = benchmarks.entrants([*shipped(), *(model or [])])
    smallest = next(iter(models.values()))
    console = Console(markup=False, highlight=False, soft_wrap=True)
    facts = {
        "command": shlex.join(["genderscope", *sys.argv[1:]]),
        "machine": machine.describe(),
        "detector": finder.name,
    }
    if not (profile or video):
        said = _said(console, models, finder, dataset or [], out, exclude, limit)
        found = benchmarks.compare(models, said, rounds, seed)
        _tell(console, out, "benchmark", facts | found, benchmark.comparison(found))
        if out and said:
            benchmark.drawing(found, out / "benchmark.png")
    explainer = _explainer(smallest) if profile or video else None
    if video:
        image = decode.read((pictures or [ASSET])[0])
        scope = Scope(smallest.classifier, finder)
        found = moving.measure(image, scope, explainer, rounds * FRAMES_PER_ROUND, seed)
        facts |= {"model": smallest.name}
        _tell(console, out, "video", facts | {"faces": found}, benchmark.video(found))
    if profile:
        networks = benchmarks.profile(models, rounds)
        whole = stages.measure(
            decode.find(pictures or [ASSET]),
            finder,
            smallest.classifier,
            explainer,
            max(rounds // ROUNDS_PER_PICTURE_ROUND, 1),
        )
        found = facts | {"model": smallest.name, "pictures": whole, **networks}
        _tell(console, out, "profile", found, benchmark.profile(found))
        for reason in whole["unreadable"]:
            typer.echo(printable(reason), err=True)
        if whole["unreadable"]:
            raise typer.Exit(1)


def _said(
    console: "Console",
    models: "dict[str, Entrant]",
    finder: "Detector",
    sources: Sequence[str],
    out: Path | None,
    exclude: Path | None,
    limit: int | None,
) -> "dict[str, dict[str, Predictions]]":
    """The answers of every model to every data set, by the names of both."""

    from genderscope.core.errors import UsageError
    from genderscope.evaluation.benchmark import accuracy

    said = {}
    kept = (out or Path()) / "predictions"
    for source in sources:
        kept.mkdir(parents=True, exist_ok=True)
        read = _options.DataOptions(exclude=exclude, limit=limit).read(source, labelled=True)
        split, samples = read.split, read.samples
        data = f"{source.partition(':')[0]}-{split}"
        if data in said:
            raise UsageError(f"--dataset {source} is the second one called {data}")
        said[data] = accuracy.ask(
            {entrant.file: entrant.classifier for entrant in models.values()},
            samples,
            finder,
            data,
            kept,
            console.print,
        )
    return said


def _explainer(entrant: "Entrant") -> "Explainer | None":
    """A model's guided graph, where it lies beside the model."""
    from genderscope.inference.explainer import Explainer, guided_file

    if not guided_file(entrant.file).is_file():
        return None
    return Explainer.load(entrant.file, threads=1)


def _tell(
    console: "Console",
    out: Path | None,
    name: str,
    found: dict[str, Any],
    tables: "Iterable[Table]",
) -> None:
    """Print tables, and write them and all that they are made of."""
    import json

    from rich import box
    from rich.table import Table as Printed

    from genderscope.evaluation import metrics
    from genderscope.reporting import benchmark

    tables = list(tables)
    for table in tables:
        printed = Printed(
            *table.head, box=box.SIMPLE, caption=table.caption, caption_justify="left"
        )
        for row in table.rows:
            printed.add_row(*row)
        console.print(printed)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(metrics.plain(found), indent=1)
        (out / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        (out / f"{name}.md").write_text(benchmark.markdown(tables, found), encoding="utf-8")
