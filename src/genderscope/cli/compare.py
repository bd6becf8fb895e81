from pathlib import Path
from typing import Annotated

from typer import Argument, echo

from genderscope.cli import _options, _output, _provenance
from genderscope.core.errors import DatasetError, UsageError
from genderscope.core.extras import require
from genderscope.core.terminal import printable

PANEL = "Measure"

TABLES = (".csv", ".tsv", ".parquet")
SHOWN = 20


@_options.expanded
def compare(
    a: Annotated[str, Argument(metavar="A")],
    b: Annotated[str, Argument(metavar="B")],
    data: _options.DataOptions,
    detection: _options.DetectorOptions,
    dataset: str | None = None,
    score_is: _options.ScoreIs = "man",
    json_file: _options.JsonFile = None,
    sheet: Annotated[Path | None, _options.PNG, _options.Output()] = None,
    batch_size: _options.BatchSize = 256,
) -> None:
    """Compare two models or methods on the same pictures.

    Prints both accuracies, their difference and McNemar's exact test. A table (.csv, .tsv or
    .parquet, such as evaluate --save-predictions writes) has the columns file, label, prediction
    and score, the probability of man; one of the last two is enough, and the labels may come from
    --dataset. Needs the extra [eval].
    Exit codes: 0 success, 1 some pictures are missing on a side or unreadable, 2 usage error.

    Args:
        a: name of a shipped model, .onnx file or table of predictions.
        b: model or table to compare it with.
        dataset: data set to run models on, or with the labels, such as fairface:DIR.
        sheet: contact sheet of the disagreements; shows people's faces.
    """
    require("sklearn", "eval")  # fail before processing any picture
    from dataclasses import replace

    from genderscope.evaluation import compare as comparison
    from genderscope.evaluation import evaluate, predictions
    from genderscope.inference.classifier import Classifier
    from genderscope.reporting import sheets, tables
    from genderscope.sinks import annotate

    models = [name for name in (a, b) if Path(name.partition("?")[0]).suffix.lower() not in TABLES]
    if models and not dataset:
        raise UsageError(f"{models[0]!r} needs a --dataset, or give a .csv of its predictions")
    if not dataset:
        _options.of_a_dataset(**vars(data), **vars(detection))
    _options.check_suffix("--sheet", sheet, ".png")
    methods = {
        name: predictions.read(Path(name), score_is) for name in (a, b) if name not in models
    }
    networks = {name: Classifier.load(name) for name in models}
    read = data.read(dataset) if dataset else None
    if read and not read.samples:
        raise DatasetError(f"{dataset} has no picture in the split {read.split!r}")

    failed: dict[str, None] = {}
    for name, network in networks.items():
        samples = read.samples if read else []
        stream = evaluate.answers(samples, detection.create(), network, batch_size)
        answers = list(_output.tracked(stream, network.name, len(samples)))
        failed |= dict.fromkeys(f"unreadable: {each.error}" for each in answers if each.error)
        methods[name] = predictions.of(answers, network.name)
    first, second = methods[a], methods[b]
    if first.name == second.name:
        first, second = replace(first, name=a), replace(second, name=b)
    labels = comparison.truths(read.samples, read.dataset) if read and not models else None
    pair, missing = comparison.joined(first, second, labels)
    failed |= dict.fromkeys(missing)
    result = comparison.compare(
        pair,
        _provenance.of(*evaluate.PACKAGES, seed=0, samples=read),
        dataset=dataset,
        split=read.split if read else None,
        failed=failed,
    )
    if json_file:
        result.save(json_file, overwrite=True)
    if sheet:
        annotate.save(sheets.of_disagreements(pair), sheet)
    echo(f"A: {printable(first.name)}\nB: {printable(second.name)}")
    for table in tables.comparison(result):
        _output.show(table)
    echo(
        f"{result.n_pictures:,} pictures in both, matched by their {result.joined_by}; "
        f"{result.n_unlabelled:,} of them without a label (not counted)"
    )
    _output.warn_of_persons(pair.a.columns.get(predictions.IDENTITY, ()))
    unlisted = len(result.failed) - SHOWN
    rest = [f"... and {unlisted:,} more; --json FILE lists all"] if unlisted > 0 else []
    _output.fail([*result.failed[:SHOWN], *rest])
