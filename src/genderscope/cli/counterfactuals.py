from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Exit, Option, echo

from genderscope.cli import _options, _output, _provenance
from genderscope.core.errors import UsageError
from genderscope.core.extras import require

if TYPE_CHECKING:
    from genderscope.core.types import Floats, Sample
    from genderscope.evaluation.counterfactual_faces import FaceSample
    from genderscope.evaluation.counterfactuals import Answers, Setup

PANEL = "Measure"

EXAMPLES = 8


@_options.expanded
def counterfactuals(
    data: _options.DataOptions,
    detection: _options.DetectorOptions,
    dataset: Annotated[str | None, Option(metavar="NAME:PATH")] = None,
    model: _options.Model = "mini_xception",
    conditions: Annotated[str, Option(metavar="all|NAME,NAME")] = "all",
    seed: _options.Seed = 0,
    redetect: bool = False,
    json_file: _options.JsonFile = None,
    sheet: Annotated[
        Path | None, Option(metavar="FILE.jpg", dir_okay=False), _options.Output()
    ] = None,
    pictures_out: Annotated[
        Path | None, Option(metavar="DIR"), _options.Output("table.csv")
    ] = None,
    predictions: Annotated[Path | None, Option(metavar="FILE.csv")] = None,
    score_is: _options.ScoreIs = "man",
) -> None:
    """Measure label flip rates under counterfactual conditions.

    Each face is detected once, in the original picture, and cropped alike in every condition.
    Samples without a detected face or without landmarks (haar gives none) are counted and skipped.
    The flip rate is the share of faces whose label, without abstention, differs from the original
    picture's. Pictures are stored only with --pictures-out; any classifier's predictions for them
    are read with --predictions. Needs the extra [eval].
    Exit codes: 0 success, 1 some pictures unreadable, 2 usage error.

    Args:
        dataset: data set, such as fairface:DIR or folder:DIR.
        conditions: conditions to apply.
        seed: random seed of shapes, colours and the bootstrap.
        redetect: detect the face again in each counterfactual picture.
        sheet: contact sheet of some faces under every condition.
        pictures_out: output folder for the counterfactual pictures and table.csv, for any
            classifier.
        predictions: evaluate this table instead of a model: table.csv with a column prediction
            (woman or man) or score (probability of man) added.
    """
    from genderscope.data.counterfactuals import select
    from genderscope.evaluation import counterfactual_faces
    from genderscope.evaluation import counterfactuals as evaluation
    from genderscope.evaluation import predictions as prediction_tables
    from genderscope.inference.classifier import Classifier
    from genderscope.reporting import tables
    from genderscope.sinks import annotate

    require("scipy", "eval")
    if (dataset is None) == (predictions is None):
        raise UsageError("give either a --dataset or the --predictions for its altered pictures")
    if dataset and score_is != "man":
        raise UsageError("--score-is requires --predictions")
    if sheet:  # fail before processing any picture
        annotate.check(sheet)
    if predictions:
        others = {"redetect": redetect, "sheet": sheet, "pictures_out": pictures_out}
        others |= {"model": model != "mini_xception", "conditions": conditions != "all"}
        _options.of_a_dataset(**vars(data), **vars(detection), **others)
        table = prediction_tables.read(predictions, score_is)
        columns = [*table.columns]
        results = evaluation.report(
            evaluation.from_predictions(table),
            model=table.name,
            dataset=str(predictions),
            provenance=_provenance.of(*evaluation.LIBRARIES, seed=seed),
        )
    else:
        assert dataset is not None
        read = data.read(dataset, labelled=True)
        columns = [name for sample in read.samples for name in sample.groups]
        detector, classifier = detection.create(), Classifier.load(model)
        setup = evaluation.Setup(detector, classifier, select(conditions), seed, redetect)
        results = evaluation.report(
            _measure(setup, read.samples, sheet, pictures_out),
            model=classifier.name,
            dataset=dataset,
            provenance=_provenance.of(*evaluation.LIBRARIES, seed=seed, samples=read),
            split=read.split,
            detector=detector.name,
            redetected=redetect,
            sheet=_sheet_name(sheet, json_file),
        )
    if evaluation.GENDER in columns:
        _output.note(
            f"the data set's column {evaluation.GENDER!r} is left out, since the label has this "
            "name in the results: rename the column"
        )
    if json_file:
        results.save(json_file, overwrite=True)
    echo(f"{results.model} on {results.dataset}, {results.n:,} faces")
    _output.show(tables.counterfactuals(results))
    for reason, count in results.skipped.items():
        _output.error(f"skipped: {count:,}: {reason}")
    if counterfactual_faces.UNREADABLE in results.skipped:
        raise Exit(1)


def _sheet_name(sheet: Path | None, json_file: Path | None) -> str | None:
    """The sheet's file name if it is saved next to the results; audit looks for it there."""
    if sheet is None or json_file is None:
        return None
    if sheet.parent.resolve() == json_file.parent.resolve():
        return sheet.name
    _output.note(f"{sheet} is not beside {json_file}: audit --counterfactuals will not show it")
    return None


def _measure(
    setup: "Setup", samples: "Sequence[Sample]", sheet: Path | None, pictures_out: Path | None
) -> "Answers":
    """Classify all faces; draw the first on the sheet and write all pictures, if requested."""
    from contextlib import ExitStack

    from genderscope.evaluation import counterfactual_faces
    from genderscope.evaluation.counterfactuals import measure
    from genderscope.sinks import annotate

    conditions, seed = setup.conditions, setup.seed
    examples: list[tuple[FaceSample, Floats]] = []
    with ExitStack() as stack:
        write = pictures_out and stack.enter_context(
            counterfactual_faces.writing(pictures_out, conditions, seed)
        )

        def on_face(face: "FaceSample", scores: "Floats") -> None:
            if write:
                write(face)
            if sheet and len(examples) < EXAMPLES:
                examples.append((face, scores))

        progress = _output.tracked(samples, "Measuring", len(samples))
        answers = measure(progress, setup, on_face)
    if sheet:
        drawn = counterfactual_faces.sheet(examples, conditions, setup.classifier.spec, seed)
        annotate.save(drawn, sheet)
    return answers
