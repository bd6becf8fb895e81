"""``genderscope compare``: which of two models or methods is better on the same pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genderscope.cli import _measured
from genderscope.core.errors import DatasetError, UsageError
from genderscope.core.extras import require

if TYPE_CHECKING:
    from genderscope.core.types import Sample

PANEL = "Measure"

TABLES = (".csv", ".parquet")
SHOWN = 20


def compare(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A", help="A shipped model's name, an .onnx file, or a table of predictions."
        ),
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="What it is compared with.")],
    dataset: Annotated[
        str | None,
        typer.Option(help="Where models are run, and where labels are; such as fairface:DIR."),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Which part of it. [default: the data set's last]")
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", dir_okay=False, help="Write everything measured to this file."),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png",
            dir_okay=False,
            help="Show the pictures on which they disagree; it holds people's faces.",
        ),
    ] = None,
    detector: _measured.DetectorName = None,
    detector_model: _measured.DetectorModel = None,
    detection_size: _measured.DetectionSize = None,
    min_score: _measured.MinScore = None,
    min_face_px: _measured.MinFacePx = None,
    exclude: _measured.Exclude = None,
    limit: _measured.Limit = None,
    batch_size: _measured.BatchSize = 256,
) -> None:
    """Compare two models or methods on the same pictures.

    Prints both accuracies, their difference and McNemar's exact test. A table (.csv or .parquet,
    such as evaluate --predictions writes) has the columns file, label, prediction and score, the
    probability of man; one of the last two is enough, and the labels may come from --dataset.
    Exit codes: 0 all compared, 1 some pictures are missing on a side or unreadable, 2 wrong usage.
    """
    require("sklearn", "eval")  # now, rather than after all pictures
    import json
    import shlex
    import sys
    from dataclasses import replace

    from rich.console import Console

    from genderscope.cli import _tables, printable
    from genderscope.core.storage import write_whole
    from genderscope.evaluation import compare as comparison
    from genderscope.evaluation import evaluate, predictions
    from genderscope.inference.classifier import Classifier
    from genderscope.reporting.disagreements import sheet as drawn

    models = [name for name in (a, b) if Path(name).suffix.lower() not in TABLES]
    if models and not dataset:
        raise UsageError(
            f"{models[0]!r} needs a --dataset to run on, or give a .csv of its answers"
        )
    if sheet and sheet.suffix.lower() != ".png":
        raise UsageError(f"--sheet writes a .png, not {sheet.name}")
    said = {name: predictions.read(Path(name)) for name in (a, b) if name not in models}
    networks = {name: Classifier.load(name) for name in models}
    samples: list[Sample] = []
    if dataset:
        split, samples = _measured.samples(dataset, split, exclude, limit)
        if not samples:
            raise DatasetError(f"{dataset} has no picture in the split {split!r}")
    for file in filter(None, (json_file, sheet)):
        file.parent.mkdir(parents=True, exist_ok=True)

    out = Console(markup=False, highlight=False)
    err = Console(markup=False, highlight=False, stderr=True, soft_wrap=True)
    failed: dict[str, None] = {}
    for name, network in networks.items():
        finder = _measured.finder(detector, detector_model, detection_size, min_score, min_face_px)
        answers = _measured.asked(
            evaluate.answers(samples, finder, network, batch_size), samples, err, network.name
        )
        failed |= dict.fromkeys(f"unreadable: {each.error}" for each in answers if each.error)
        said[name] = predictions.of(answers, network.name)
    first, second = said[a], said[b]
    if first.name == second.name:
        first, second = replace(first, name=a), replace(second, name=b)
    if dataset and not models:
        known = comparison.truths(samples, dataset)
        pairs = [comparison.join(each, known) for each in (first, second)]
        for pair in pairs:
            failed |= dict.fromkeys(f"not in the data set: {file}" for file in pair.only_a)
        first, second = (pair.a for pair in pairs)
    pair = comparison.join(first, second)
    failed |= dict.fromkeys(f"only in {first.name}: {file}" for file in pair.only_a)
    failed |= dict.fromkeys(f"only in {second.name}: {file}" for file in pair.only_b)
    report = {
        "dataset": dataset,
        "split": split,
        **comparison.report(pair),
        "failed": list(failed),
        "versions": evaluate.versions(),
        "command": shlex.join(["genderscope", *sys.argv[1:]]),
    }
    if json_file:
        write_whole(json_file, f"{json.dumps(report, indent=2)}\n".encode())
    if sheet:
        drawn(pair).save(sheet)
    out.print(f"A: {printable(first.name)}\nB: {printable(second.name)}")
    out.print(_tables.comparison(report))
    if report["by_group"]:
        out.print(_tables.compared_groups(report["by_group"]))
    out.print(
        f"{report['n_pictures']:,} pictures in both, recognised by their {report['joined_by']}; "
        f"{report['n_unlabelled']:,} of them without a label (not counted)"
    )
    for note in list(failed)[:SHOWN]:
        err.print(printable(note))
    if len(failed) > SHOWN:
        err.print(f"... and {len(failed) - SHOWN:,} more; --json FILE has them all")
    if failed:
        raise typer.Exit(1)
