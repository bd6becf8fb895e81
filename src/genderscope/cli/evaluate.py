"""``genderscope evaluate``: how good a model is on a labelled data set."""

from pathlib import Path
from typing import Annotated

import typer

from genderscope.cli._options import (
    BatchSize,
    DataOptions,
    Dataset,
    DetectorOptions,
    JsonFile,
    Model,
    expanded,
)
from genderscope.core.errors import UsageError
from genderscope.core.extras import require

PANEL = "Measure"


@expanded
def evaluate(
    dataset: Dataset,
    data: DataOptions,
    detection: DetectorOptions,
    model: Model = "mini_xception",
    json_file: JsonFile = None,
    save_predictions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv", dir_okay=False, help="Write each picture's prediction to this file."
        ),
    ] = None,
    confusion: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Draw the confusion matrix to this PNG.")
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            help="Draw reliability.png, risk-coverage.png, confusion.png and, with --face-sizes, "
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
    redetect: Annotated[
        bool,
        typer.Option(
            "--redetect", help="Detect the face anew in each smaller picture of --face-sizes."
        ),
    ] = False,
    batch_size: BatchSize = 256,
) -> None:
    """Measure a model on a labelled data set.

    Accuracy is over every labelled picture, without abstention. A picture without a detected face
    is classified as a whole; one that cannot be read counts as wrong, and makes the exit code 1.
    """
    require("sklearn", "eval")  # now, rather than after all pictures
    require("matplotlib", "eval")
    from genderscope.cli import _provenance, _tables, printable
    from genderscope.cli._progress import collected, consoles
    from genderscope.evaluation import evaluate as evaluation
    from genderscope.evaluation import predictions
    from genderscope.inference.classifier import Classifier
    from genderscope.reporting import plots as drawings

    sizes = _sizes(face_sizes)
    if redetect and not sizes:
        raise UsageError("--redetect needs --face-sizes")
    read = data.read(dataset)
    classifier, detector = Classifier.load(model), detection.create()
    for file in filter(None, (save_predictions, confusion)):
        file.parent.mkdir(parents=True, exist_ok=True)

    out, err = consoles()
    stream = evaluation.answers(read.samples, detector, classifier, batch_size, sizes, redetect)
    answers = collected(stream, len(read.samples), err)
    result = evaluation.measure(
        answers,
        dataset=dataset,
        split=read.split,
        model=classifier.name,
        detector=detector.name,
        min_confidence=classifier.min_confidence,
        face_px=sizes,
        redetect=redetect,
        provenance=_provenance.of(*evaluation.PACKAGES, seed=0, samples=read),
    )
    if json_file:
        result.save(json_file, overwrite=True)
    if save_predictions:
        predictions.write(save_predictions, predictions.of(answers, classifier.name))
    if confusion:
        drawings.confusion_matrix(result.confusion, drawings.title(result), confusion)
    if plots:
        drawings.evaluation(result, plots)
    out.print(f"{result.model} on {dataset}, {result.split}, faces detected by {result.detector}")
    for table in _tables.evaluation(result):
        out.print(table)
    out.print(
        f"{result.n:,} labelled pictures: {result.not_detected:,} without a detected face "
        f"(classified as a whole), {len(result.unreadable):,} unreadable (counted as wrong); "
        f"{len(result.unlabelled):,} without a label (not counted)"
    )
    for picture in result.unreadable:
        err.print(printable(f"unreadable: {picture.reason}"), soft_wrap=True)
    for file_name in result.unlabelled:
        err.print(printable(f"without a label: {file_name}"), soft_wrap=True)
    if result.unreadable:
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
