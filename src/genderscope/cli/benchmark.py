"""``genderscope benchmark``: the models beside each other, and where their time goes."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genderscope.cli import _measured

if TYPE_CHECKING:
    from rich.console import Console

    from genderscope.benchmark import Entrant
    from genderscope.contracts import Detector
    from genderscope.explain.explainer import Explainer
    from genderscope.predictions import Predictions
    from genderscope.report.page import Table

ASSET = Path(__file__).parents[1] / "assets" / "astronaut.jpg"
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
    detector: _measured.DetectorName = None,
    detector_model: _measured.DetectorModel = None,
    exclude: _measured.Exclude = None,
    limit: _measured.Limit = None,
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
    """Compare the shipped models and others: accuracy, size, time, and each pair of them.

    What is timed runs on one thread and takes turns; let nothing else run beside it. Beyond the
    networks, --profile and --video take the smallest model. Needs the extra [eval].
    """
    from genderscope.contracts import UsageError, require

    require("sklearn", "eval")
    require("matplotlib", "eval")
    import shlex
    import sys

    from rich.console import Console

    from genderscope import benchmark as benchmarks
    from genderscope import detectors, sources
    from genderscope.benchmark import machine, report, stages
    from genderscope.benchmark import video as moving
    from genderscope.classifier import shipped
    from genderscope.cli import printable
    from genderscope.pipeline import Scope

    if dataset and (out is None or profile or video):
        raise UsageError("--dataset goes with --out, and not with --profile or --video")
    finder = detectors.create(detector, model=detector_model)
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
        _tell(console, out, "benchmark", facts | found, report.comparison(found))
        if out and said:
            report.drawing(found, out / "benchmark.png")
    explainer = _explainer(smallest) if profile or video else None
    if video:
        image = sources.read((pictures or [ASSET])[0])
        scope = Scope(smallest.classifier, finder)
        found = moving.measure(image, scope, explainer, rounds * FRAMES_PER_ROUND, seed)
        facts |= {"model": smallest.name}
        _tell(console, out, "video", facts | {"faces": found}, report.video(found))
    if profile:
        networks = benchmarks.profile(models, rounds)
        whole = stages.measure(
            sources.find(pictures or [ASSET]),
            finder,
            smallest.classifier,
            explainer,
            max(rounds // ROUNDS_PER_PICTURE_ROUND, 1),
        )
        found = facts | {"model": smallest.name, "pictures": whole, **networks}
        _tell(console, out, "profile", found, report.profile(found))
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

    from genderscope.benchmark import accuracy
    from genderscope.contracts import UsageError

    said = {}
    kept = (out or Path()) / "predictions"
    for source in sources:
        kept.mkdir(parents=True, exist_ok=True)
        split, samples = _measured.samples(source, None, exclude, limit, labelled=True)
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
    from genderscope.explain.explainer import Explainer, guided_file

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

    from genderscope import metrics
    from genderscope.benchmark import report

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
        (out / f"{name}.md").write_text(report.markdown(tables, found), encoding="utf-8")
