"""``genderscope counterfactuals``: what glasses, masks or light change."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genderscope.cli import _options, _provenance, printable
from genderscope.cli._options import DataOptions, DetectorOptions, JsonFile, Model, expanded

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from genderscope.core.types import Floats, Sample
    from genderscope.evaluation.counterfactual_faces import FaceSample
    from genderscope.evaluation.counterfactuals import Answers, Counterfactuals, Setup

PANEL = "Measure"

EXAMPLES = 8


@expanded
def counterfactuals(
    data: DataOptions,
    detection: DetectorOptions,
    dataset: Annotated[
        str | None, typer.Option(metavar="NAME:PATH", help="Such as fairface:DIR or folder:DIR.")
    ] = None,
    model: Model = "mini_xception",
    conditions: Annotated[
        str, typer.Option(metavar="all|NAME,NAME", help="What changes in the pictures.")
    ] = "all",
    seed: Annotated[int, typer.Option(min=0, help="Of shapes, colours and the bootstrap.")] = 0,
    redetect: Annotated[
        bool,
        typer.Option("--redetect", help="Detect the face again in each counterfactual picture."),
    ] = False,
    json_file: JsonFile = None,
    sheet: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jpg", dir_okay=False, help="Draw some faces in all conditions."),
    ] = None,
    pictures_out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write the counterfactual pictures and table.csv, for any classifier.",
        ),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Evaluate these instead of a model: that table.csv with a column prediction "
            "(woman or man) or score (of man) added.",
        ),
    ] = None,
) -> None:
    """Measure how often a changed picture changes the label.

    Each face is detected once, in the original picture, and cropped alike in every condition.
    Samples without a detected face or without landmarks (haar gives none) are counted and skipped.
    The flip rate is the share of faces whose label, without abstention, differs from the original
    picture's. Pictures are stored only with --pictures-out; any classifier's predictions for them
    are read with --predictions. Needs the extra [eval].
    Exit codes: 0 all done, 1 some pictures unreadable, 2 wrong usage.
    """
    from rich.console import Console

    from genderscope.core.errors import UsageError
    from genderscope.core.extras import require
    from genderscope.data.counterfactuals import select
    from genderscope.evaluation import counterfactual_faces
    from genderscope.evaluation import counterfactuals as evaluation
    from genderscope.evaluation import predictions as tables
    from genderscope.inference.classifier import Classifier
    from genderscope.sinks import annotate

    require("scipy", "eval")
    if (dataset is None) == (predictions is None):
        raise UsageError("name a --dataset to change, or the --predictions for changed pictures")
    if sheet and sheet.suffix.lower() not in annotate.SUFFIXES:  # now, rather than at the end
        raise UsageError(f"{sheet} should end in one of {', '.join(annotate.SUFFIXES)}")
    out = Console(markup=False, highlight=False, soft_wrap=True)
    err = Console(markup=False, highlight=False, soft_wrap=True, stderr=True)
    if predictions:
        _options.of_a_dataset(
            **vars(data),
            **vars(detection),
            redetect=redetect,
            sheet=sheet,
            pictures_out=pictures_out,
        )
        table = tables.read(predictions)
        results = evaluation.report(
            evaluation.from_predictions(table),
            model=table.name,
            dataset=str(predictions),
            provenance=_provenance.of(*evaluation.LIBRARIES, seed=seed),
        )
    else:
        assert dataset is not None
        read = data.read(dataset, labelled=True)
        detector = detection.create()
        classifier = Classifier.load(model)
        answers = _measure(
            evaluation.Setup(detector, classifier, select(conditions), seed, redetect),
            read.samples,
            sheet,
            pictures_out,
            err,
        )
        results = evaluation.report(
            answers,
            model=classifier.name,
            dataset=dataset,
            provenance=_provenance.of(*evaluation.LIBRARIES, seed=seed, samples=read),
            split=read.split,
            detector=detector.name,
            redetected=redetect,
            sheet=sheet.name if sheet else None,
        )
    if json_file:
        results.save(json_file, overwrite=True)
    out.print(f"{results.model} on {results.dataset}, {results.n:,} faces")
    out.print(_table(results))
    for reason, count in results.skipped.items():
        err.print(f"skipped: {count:,}: {reason}")
    if counterfactual_faces.UNREADABLE in results.skipped:
        raise typer.Exit(1)


def _measure(
    setup: "Setup",
    samples: "Sequence[Sample]",
    sheet: Path | None,
    pictures_out: Path | None,
    console: "Console",
) -> "Answers":
    """Classify all faces; draw the first of them on the sheet and write all pictures, if asked."""
    from contextlib import ExitStack

    from rich.progress import track

    from genderscope.evaluation import counterfactual_faces
    from genderscope.evaluation.counterfactuals import measure
    from genderscope.sinks import annotate

    conditions, seed = setup.conditions, setup.seed
    examples: list[tuple[FaceSample, Floats]] = []
    with ExitStack() as stack:
        pictures = pictures_out and stack.enter_context(
            counterfactual_faces.Pictures(pictures_out, conditions, seed)
        )

        def on_face(face: "FaceSample", scores: "Floats") -> None:
            if pictures:
                pictures.write(face)
            if sheet and len(examples) < EXAMPLES:
                examples.append((face, scores))

        progress = track(
            samples, description="Measuring", console=console, disable=not console.is_terminal
        )
        answers = measure(progress, setup, on_face)
    if sheet:
        sheet.parent.mkdir(parents=True, exist_ok=True)
        drawn = counterfactual_faces.sheet(examples, conditions, setup.classifier.spec, seed)
        annotate.save(drawn, sheet)
    return answers


def _table(results: "Counterfactuals") -> "Table":
    """A row a condition."""
    from rich import box
    from rich.table import Table

    from genderscope.cli._tables import percent, with_interval

    head = ("%", "n", "flip rate", "to man, woman", "confidence", "accuracy")
    table = Table(*head, box=box.SIMPLE)
    table.columns[0].no_wrap = True
    table.add_row("original", f"{results.n:,}", "", "", "", percent(results.accuracy.value))
    for row in results.conditions:
        table.add_row(
            printable(row.name),
            f"{row.flip_rate.n:,}",
            with_interval(row.flip_rate),
            f"{percent(row.to_man)}, {percent(row.to_woman)}",
            with_interval(row.confidence_change),
            percent(row.accuracy.value),
        )
    return table
