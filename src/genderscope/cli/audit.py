import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from msgspec.structs import replace
from typer import Option, echo

from genderscope.cli import _options, _output, _provenance
from genderscope.core.errors import DatasetError, UsageError
from genderscope.core.extras import require
from genderscope.core.terminal import printable

if TYPE_CHECKING:
    from genderscope.core.protocols import Detector
    from genderscope.core.types import Sample
    from genderscope.evaluation.audit.results import Audit
    from genderscope.evaluation.counterfactuals import Counterfactuals
    from genderscope.evaluation.predictions import Predictions

PANEL = "Measure"
OTHERS = ("audit.html", "audit.md", "predictions.csv")


@_options.expanded
def audit(
    data: _options.DataOptions,
    detection: _options.DetectorOptions,
    out: Annotated[Path, _options.FOLDER, _options.Output("audit.json", more=OTHERS)],
    by: Annotated[str, Option(metavar="COLUMN,COLUMN")] = "",
    dataset: Annotated[str | None, Option(metavar="NAME:PATH")] = None,
    predictions: Annotated[Path | None, Option(metavar="FILE.csv")] = None,
    score_is: _options.ScoreIs = "man",
    source: Annotated[Path | None, Option("--from", metavar="audit.json")] = None,
    model: Annotated[str | None, Option()] = None,
    depth: Annotated[int, Option(min=1)] = 2,
    counterfactuals: Annotated[Path | None, Option(metavar="FILE.json")] = None,
    regions: Annotated[Path | None, Option(metavar="FILE.json")] = None,
    seed: _options.Seed = 0,
    batch_size: _options.BatchSize = 256,
) -> None:
    """Report errors by group, for a model or any predictions.

    Writes the results as JSON, a self-contained page and Markdown; with --dataset the predictions
    too. Groups are the data set's own labels, never predicted; groups below 30 pictures get no
    numbers. A column "identity" marks pictures of the same person. Needs the extra [eval].
    Exit codes: 0 success, 1 some pictures unreadable, 2 usage error.

    Args:
        out: output folder for audit.html, audit.json and audit.md.
        by: columns to group by, such as race,age; gender is the label.
        dataset: data set on which to run the model, such as fairface:DIR.
        predictions: audit this table instead: file, label, prediction, score and group columns.
        model: name of a shipped model, or path of an .onnx file.  [default: mini_xception]
        source: only render the page and the Markdown of an existing audit.
        depth: maximum number of columns to cross.
        counterfactuals: include these results of counterfactuals.
        regions: include these results of regions.
        seed: random seed of the calibration error expected by chance.
    """
    for module in ("matplotlib", "scipy", "jinja2"):  # before all pictures are read
        require(module, "eval")
    from genderscope.evaluation import audit as audits
    from genderscope.evaluation.audit.results import Audit
    from genderscope.evaluation.compare import truths
    from genderscope.evaluation.counterfactuals import Counterfactuals
    from genderscope.evaluation.predictions import read, write
    from genderscope.evaluation.region_survey import RegionSurvey

    if [dataset, predictions, source].count(None) != 2:
        raise UsageError("give one of --dataset, --predictions and --from")
    if dataset and score_is != "man":
        raise UsageError("--score-is requires --predictions")
    if dataset is None:
        _options.of_a_dataset(model=model, **vars(data), **vars(detection))
    if source:
        if by or counterfactuals or regions or (depth, seed, score_is) != (2, 0, "man"):
            raise UsageError("--from renders an existing audit: it allows only --out")
        _write(out, results := Audit.load(source), _sheet(source, results.counterfactuals))
        return
    flips = Counterfactuals.load(counterfactuals) if counterfactuals else None
    sheet = _sheet(counterfactuals, flips)
    survey = RegionSurvey.load(regions) if regions else None
    samples, detector, unreadable = None, None, 0
    if dataset:
        samples, detector = data.read(dataset), detection.create()
        # Before the model runs.
        audits.divisible(truths(samples.samples, dataset), _options.columns(by))
        table, unreadable = _predict(
            samples.samples, detector, model or "mini_xception", batch_size
        )
    else:
        assert predictions
        table = read(predictions, score_is, audits.NEEDED)
        if repeated := len(table) - len({*table.files}):
            _output.note(
                f"{repeated:,} rows are of a picture in another row: each counts as a picture, so "
                "the intervals are too narrow; audit one method at a time"
            )
    made_by = _provenance.of(*audits.LIBRARIES, seed=seed, samples=samples)
    results = audits.report(
        table,
        _options.columns(by),
        provenance=replace(made_by, command=_command(out)),
        dataset=dataset,
        split=samples.split if samples else None,
        detector=detector.name if detector else None,
        depth=depth,
    )
    results = replace(results, counterfactuals=flips, regions=survey)
    if dataset:
        write(out / "predictions.csv", table)
    _write(out, results, sheet)
    if unreadable:
        _output.fail([f"unreadable pictures, counted as errors: {unreadable:,}"])


def _command(out: Path) -> str:
    """The command line with DIR for ``out``, so that the file does not depend on the folder."""
    words = _provenance.words()
    return shlex.join(["genderscope", *("DIR" if Path(word) == out else word for word in words)])


def _predict(
    samples: "Sequence[Sample]", detector: "Detector", model: str, batch_size: int
) -> "tuple[Predictions, int]":
    """A model's predictions for a data set, and the number of unreadable pictures."""
    from genderscope.evaluation import evaluate, predictions
    from genderscope.inference.classifier import Classifier

    classifier = Classifier.load(model)
    stream = evaluate.answers(samples, detector, classifier, batch_size)
    answers = list(_output.tracked(stream, "Classifying", len(samples)))
    errors = [answer.error for answer in answers if answer.error]
    for error in errors:
        _output.error(f"unreadable: {error}")
    return predictions.of(answers, classifier.name), len(errors)


def _sheet(file: Path | None, results: "Counterfactuals | None") -> bytes | None:
    """The contact sheet that counterfactuals name, from beside their file."""
    if file is None or results is None or not results.sheet:
        return None
    try:
        return (file.parent / Path(results.sheet).name).read_bytes()
    except OSError as error:
        raise DatasetError(f"{file} names a sheet that cannot be read: {error}") from error


def _write(out: Path, results: "Audit", sheet: bytes | None) -> None:
    """Write the audit, its documents and their contact sheet; print the summary."""
    from genderscope.core.storage import text, write_whole
    from genderscope.reporting.audit.page import documents, summary

    files = {name: text(page).encode() for name, page in documents(results, sheet).items()}
    if sheet and results.counterfactuals and results.counterfactuals.sheet:
        files[Path(results.counterfactuals.sheet).name] = sheet
    results.save(out / "audit.json", overwrite=True)
    for name, data in files.items():
        write_whole(out / name, data)
    for sentence in summary(results):
        echo(f"- {printable(sentence)}")
    echo(f"The page is {(out / 'audit.html').resolve()}")
