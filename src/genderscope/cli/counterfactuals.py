"""``genderscope counterfactuals``: what glasses, masks or light change."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genderscope.cli import _measured, printable

if TYPE_CHECKING:
    from rich.table import Table

PANEL = "Measure"

EXAMPLES = 8


def counterfactuals(
    dataset: Annotated[
        str | None, typer.Option(metavar="NAME:PATH", help="Such as fairface:DIR or folder:DIR.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Which part of it. [default: the data set's last]")
    ] = None,
    model: Annotated[
        str, typer.Option(help="A shipped model's name or the path of an exported .onnx file.")
    ] = "mini_xception",
    conditions: Annotated[
        str, typer.Option(metavar="all|NAME,NAME", help="What is done to the pictures.")
    ] = "all",
    seed: Annotated[
        int, typer.Option(min=0, help="Decides shapes, colours and the bootstrap.")
    ] = 0,
    limit: _measured.Limit = None,
    exclude: _measured.Exclude = None,
    detector: _measured.DetectorName = None,
    detector_model: _measured.DetectorModel = None,
    redetect: Annotated[
        bool,
        typer.Option(
            "--redetect", help="Look for each altered face anew: measure the detector with it."
        ),
    ] = False,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", dir_okay=False, help="Write everything measured to this file."),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jpg", dir_okay=False, help="Draw some faces in all conditions."),
    ] = None,
    pictures_out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write the altered pictures and table.csv, for any classifier to answer.",
        ),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Measure these answers instead of a model: that table.csv with a column "
            "prediction (woman or man) or score (of man) more.",
        ),
    ] = None,
) -> None:
    """Measure how often a changed picture changes the label.

    A face is found once, in the picture as it is, and cut alike in every condition. Faces that are
    not found or have no landmarks (haar gives none) are counted and left out. A flip is a decided
    answer, without abstention, that differs from that on the original. Pictures are stored only
    with --pictures-out, and any classifier's answers about them come back with --predictions.
    Needs the extra [eval]. Exit codes: 0 all done, 1 some pictures unreadable, 2 wrong usage.
    """
    import json
    import shlex
    import sys
    from contextlib import ExitStack

    from rich.console import Console
    from rich.progress import track

    from genderscope import detection
    from genderscope.core.errors import UsageError
    from genderscope.core.extras import require
    from genderscope.core.types import Floats
    from genderscope.data import counterfactuals as alterations
    from genderscope.evaluation import altered_faces, flip_rates
    from genderscope.evaluation import predictions as answered
    from genderscope.inference.classifier import Classifier

    require("scipy", "eval")
    if (dataset is None) == (predictions is None):
        raise UsageError("name a --dataset to alter, or the --predictions of altered pictures")
    if predictions:
        _measured.of_a_dataset(
            split=split,
            exclude=exclude,
            limit=limit,
            detector=detector,
            detector_model=detector_model,
            redetect=redetect,
            sheet=sheet,
            pictures_out=pictures_out,
        )
    if sheet and sheet.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise UsageError(f"--sheet writes a .jpg or .png, not {sheet.name}")
    command = shlex.join(["genderscope", *sys.argv[1:]])
    out = Console(markup=False, highlight=False, soft_wrap=True)
    err = Console(markup=False, highlight=False, soft_wrap=True, stderr=True)
    if predictions:
        said = answered.read(predictions)
        report = flip_rates.given(
            said, seed, model=said.name, dataset=str(predictions), command=command
        )
    elif dataset:
        chosen = alterations.select(conditions)
        classifier = Classifier.load(model)
        finder = detection.create(detector, model=detector_model)
        split, samples = _measured.samples(dataset, split, exclude, limit, labelled=True)
        examples: list[tuple[altered_faces.Found, Floats]] = []
        with ExitStack() as stack:
            pictures = pictures_out and stack.enter_context(
                altered_faces.Pictures(pictures_out, chosen, seed)
            )

            def seen(found: altered_faces.Found, man: Floats) -> None:
                if pictures:
                    pictures.write(found)
                if sheet and len(examples) < EXAMPLES:
                    examples.append((found, man))

            report = flip_rates.measure(
                track(
                    samples,
                    description="Altering",
                    console=err,
                    disable=not err.is_terminal,
                ),
                finder,
                classifier,
                chosen,
                seed,
                redetect=redetect,
                seen=seen,
                dataset=dataset,
                split=split,
                sheet=sheet and sheet.name,
                command=command,
            )
        if sheet:
            sheet.parent.mkdir(parents=True, exist_ok=True)
            altered_faces.sheet(examples, chosen, classifier.spec, seed).save(sheet, quality=90)
    if json_file:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    out.print(f"{report['model']} on {report['dataset']}, {report['n']:,} faces")
    out.print(_table(report))
    skipped = report.get("skipped", {})
    for reason, count in skipped.items():
        err.print(f"left out: {count:,}: {reason}")
    if altered_faces.UNREADABLE in skipped:
        raise typer.Exit(1)


def _table(report: dict[str, Any]) -> "Table":
    """A row a condition."""
    from rich import box
    from rich.table import Table

    from genderscope.cli._tables import between, percent

    head = ("%", "n", "flips", "to man, woman", "confidence", "accuracy")
    table = Table(*head, box=box.SIMPLE)
    table.columns[0].no_wrap = True
    table.add_row(
        "original", f"{report['n']:,}", "", "", "", percent(report["original"]["accuracy"])
    )
    for found in report["conditions"]:
        flip_rates, change = (
            f"{percent(found[value])} ({between(found[interval])})"
            for value, interval in (
                ("flip_rate", "flip_interval"),
                ("confidence_change", "confidence_interval"),
            )
        )
        table.add_row(
            printable(found["name"]),
            f"{found['n']:,}",
            flip_rates,
            f"{percent(found['to_man'])}, {percent(found['to_woman'])}",
            change,
            percent(found["accuracy"]),
        )
    return table
