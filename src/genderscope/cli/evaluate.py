from pathlib import Path
from typing import Annotated

from typer import Option, echo

from genderscope.cli import _options, _output, _provenance
from genderscope.core.errors import UsageError
from genderscope.core.extras import require
from genderscope.core.terminal import printable

PANEL = "Measure"


@_options.expanded
def evaluate(
    dataset: _options.Dataset,
    data: _options.DataOptions,
    detection: _options.DetectorOptions,
    model: _options.Model = "mini_xception",
    json_file: _options.JsonFile = None,
    save_predictions: _options.PredictionsFile = None,
    confusion: Annotated[Path | None, _options.PNG, _options.Output()] = None,
    plots: Annotated[
        Path | None,
        _options.FOLDER,
        _options.Output(
            "confusion.png", more=("reliability.png", "risk-coverage.png", "face-size.png")
        ),
    ] = None,
    face_sizes: Annotated[str | None, Option(metavar="PX,PX,...")] = None,
    redetect: bool = False,
    batch_size: _options.BatchSize = 256,
) -> None:
    """Evaluate a model on a labelled data set.

    Accuracy is over all labelled pictures, without abstention. A picture without a detected face is
    classified as a whole. Unreadable pictures count as wrong, and the exit code is 1. Needs the
    extra [eval].

    Args:
        save_predictions: write each picture's prediction as CSV.
        confusion: plot of the confusion matrix.
        plots: output folder for reliability.png, risk-coverage.png, confusion.png and, with
            --face-sizes, face-size.png.
        face_sizes: also evaluate with faces downscaled to these widths in pixels, such as
            10,20,30,50,75,100.
        redetect: detect the face again in each downscaled picture.
    """
    require("sklearn", "eval")  # fail before processing any picture
    require("matplotlib", "eval")
    from genderscope.evaluation import evaluate as evaluation
    from genderscope.evaluation import predictions
    from genderscope.inference.classifier import Classifier
    from genderscope.reporting import plots as drawings
    from genderscope.reporting import tables

    sizes = _sizes(face_sizes)
    if redetect and not sizes:
        raise UsageError("--redetect needs --face-sizes")
    _options.check_suffix("--confusion", confusion, ".png")
    read = data.read(dataset)
    evaluation.check_labels(read.samples, dataset, read.split)  # before the model runs
    classifier, detector = Classifier.load(model), detection.create()
    stream = evaluation.answers(read.samples, detector, classifier, batch_size, sizes, redetect)
    answers = list(_output.tracked(stream, "Classifying", len(read.samples)))
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
    on = f"{result.model} on {dataset}, {result.split}, faces detected by {result.detector}"
    echo(printable(on))
    for table in tables.evaluation(result):
        _output.show(table)
    echo(
        f"{result.n:,} labelled pictures: {result.not_detected:,} without a detected face "
        f"(classified as a whole), {len(result.unreadable):,} unreadable (counted as wrong); "
        f"{len(result.unlabelled):,} without a label (not counted)"
    )
    _output.warn_of_persons(a.sample.identity for a in answers if a.sample.label is not None)
    for file_name in result.unlabelled:
        _output.error(f"without a label: {file_name}")
    _output.fail(f"unreadable: {picture.reason}" for picture in result.unreadable)


def _sizes(text: str | None) -> list[int]:
    """Ascending sizes in pixels, each once."""
    try:
        sizes = sorted({int(word) for word in text.split(",")}) if text else []
    except ValueError:
        sizes = [0]
    if any(size < 1 for size in sizes):
        raise UsageError(f"--face-sizes takes pixels such as 10,20,30, not {text!r}")
    return sizes
