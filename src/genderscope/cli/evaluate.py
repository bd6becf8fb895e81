"""``genderscope evaluate``: how good a model is on a labelled data set."""

from pathlib import Path
from typing import Annotated, Any

import typer

from genderscope.cli import _measured
from genderscope.core.errors import UsageError
from genderscope.core.extras import require

PANEL = "Measure"


def evaluate(
    dataset: Annotated[
        str, typer.Option(help="A data set and its place, such as fairface:DIR or table:FILE.csv.")
    ],
    split: Annotated[
        str | None, typer.Option(help="Which part of it. [default: the data set's last]")
    ] = None,
    model: Annotated[
        str, typer.Option(help="A shipped model's name or the path of an exported .onnx file.")
    ] = "mini_xception",
    detector: _measured.DetectorName = None,
    detector_model: _measured.DetectorModel = None,
    detection_size: _measured.DetectionSize = None,
    min_score: _measured.MinScore = None,
    min_face_px: _measured.MinFacePx = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", dir_okay=False, help="Write everything measured to this file."),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Write each picture's prediction to this CSV."),
    ] = None,
    confusion: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Draw the confusion matrix to this PNG.")
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            help="Draw reliability.png, risk-coverage.png, confusion.png and, if asked for, "
            "face-size.png there.",
        ),
    ] = None,
    face_sizes: Annotated[
        str | None,
        typer.Option(
            metavar="PX,PX,...",
            help="Also measure with the faces so many pixels across, such as 10,20,30,50,75,100.",
        ),
    ] = None,
    search_again: Annotated[
        bool,
        typer.Option(
            "--search-again", help="Find the face anew in each smaller picture of --face-sizes."
        ),
    ] = False,
    exclude: _measured.Exclude = None,
    limit: _measured.Limit = None,
    batch_size: _measured.BatchSize = 256,
) -> None:
    """Measure a model on a labelled data set.

    Accuracy is over every labelled picture, without abstention. A picture without a detected face
    is classified as a whole; one that cannot be read counts as wrong, and makes the exit code 1.
    """
    require("sklearn", "eval")  # now, rather than after all pictures
    require("matplotlib", "eval")
    import json
    import shlex
    import sys

    from rich.console import Console

    from genderscope.cli import _tables, printable
    from genderscope.core.storage import write_whole
    from genderscope.evaluation import evaluate as evaluation
    from genderscope.evaluation import predictions as tables
    from genderscope.inference.classifier import Classifier

    sizes = _sizes(face_sizes)
    if search_again and not sizes:
        raise UsageError("--search-again needs --face-sizes")
    split, samples = _measured.samples(dataset, split, exclude, limit)
    classifier = Classifier.load(model)
    finder = _measured.finder(detector, detector_model, detection_size, min_score, min_face_px)
    for file in filter(None, (json_file, predictions, confusion)):
        file.parent.mkdir(parents=True, exist_ok=True)

    # No markup: a path or a group's name may hold anything.
    out = Console(markup=False, highlight=False)
    err = Console(markup=False, highlight=False, stderr=True)
    answers = _measured.asked(
        evaluation.answers(samples, finder, classifier, batch_size, sizes, search_again),
        samples,
        err,
    )
    report = evaluation.report(
        answers,
        dataset=dataset,
        split=split,
        model=classifier.name,
        detector=finder.name,
        min_confidence=classifier.min_confidence,
        face_px=sizes,
        search_again=search_again,
        command=shlex.join(["genderscope", *sys.argv[1:]]),
    )
    if json_file:
        write_whole(json_file, f"{json.dumps(report, indent=2)}\n".encode())
    if predictions:
        tables.write(predictions, tables.of(answers, classifier.name))
    if confusion:
        _confusion(report, confusion)
    if plots:
        _plots(report, plots)
    out.print(f"{report['model']} on {dataset}, {split}, faces found by {report['detector']}")
    out.print(_tables.measures(report))
    out.print(_tables.coverages(report["risk_coverage"]["at"]))
    if report["by_group"]:
        out.print(_tables.groups(report["by_group"]))
        out.print(_tables.abstention(report["by_group"]))
    if sizes:
        out.print(_tables.face_sizes(report["face_size"]["curve"]))
    out.print(
        f"{report['n']:,} labelled pictures: {report['not_found']:,} without a detected face "
        f"(classified as a whole), {len(report['unreadable']):,} unreadable (counted as wrong); "
        f"{len(report['unlabelled']):,} without a label (not counted)"
    )
    notes = [f"unreadable: {picture['reason']}" for picture in report["unreadable"]]
    for note in notes + [f"without a label: {file}" for file in report["unlabelled"]]:
        err.print(printable(note), soft_wrap=True)
    if report["unreadable"]:
        raise typer.Exit(1)


def _sizes(text: str | None) -> list[int]:
    """Ascending sizes in pixels, each once."""
    try:
        sizes = sorted({int(word) for word in text.split(",")}) if text else []
    except ValueError:
        sizes = [0]
    if any(size < 1 for size in sizes):
        raise UsageError(f"--face-sizes takes pixels such as 10,20,30, not {text!r}")
    return sizes


def _title(report: dict[str, Any]) -> str:
    return f"{report['model']} on {report['dataset']}, {report['split']}, n = {report['n']:,}"


def _confusion(report: dict[str, Any], file: Path) -> None:
    from genderscope.reporting import plots

    counts = report["confusion"]
    plots.confusion_matrix(counts["counts"], counts["normalised"], _title(report), file)


def _plots(report: dict[str, Any], folder: Path) -> None:
    from genderscope.evaluation import face_sizes
    from genderscope.reporting import plots

    folder.mkdir(parents=True, exist_ok=True)
    title = _title(report)
    _confusion(report, folder / "confusion.png")
    plots.reliability(report["calibration"], title, folder / "reliability.png")
    plots.risk_coverage(report["risk_coverage"], title, folder / "risk-coverage.png")
    if "face_size" in report:
        others = face_sizes.published(report["dataset"].partition(":")[0])
        plots.face_sizes(report["face_size"]["curve"], others, title, folder / "face-size.png")
