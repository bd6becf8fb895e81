"""``genderscope evaluate``: how good a model is on a labelled data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genderscope.contracts import LABELS, require

if TYPE_CHECKING:
    from rich.table import Table

MEASURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "recall_gap": "recall gap",
    "macro_precision": "macro precision",
    "macro_f1": "macro F1",
    "recall": "recall",
    "precision": "precision",
    "f1": "F1",
}
TRIVIAL = {
    "always_woman": "always\nwoman",
    "always_man": "always\nman",
    "prior_random": "prior\nrandom",
}


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
    detector: Annotated[
        str | None, typer.Option(help="haar or yunet. [default: yunet if it is there, else haar]")
    ] = None,
    detector_model: Annotated[Path | None, typer.Option(help="The detector's weights.")] = None,
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
    exclude: Annotated[
        Path | None,
        typer.Option(metavar="LEAKS.json", help="Leave out the pictures that check-leaks found."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first pictures, for a quick try.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Faces a run of the network.")] = 256,
) -> None:
    """Measure a model on a labelled data set, exactly as it runs on photographs.

    Accuracy is over every labelled picture, without abstention. A picture without a detected face
    is classified as a whole; one that cannot be read counts as wrong, and makes the exit code 1.
    """
    require("sklearn", "eval")  # now, rather than after all pictures
    require("matplotlib", "eval")
    import json
    import shlex
    import sys
    from itertools import islice

    from rich.console import Console
    from rich.progress import track

    from genderscope import datasets, detectors, plots, plugins
    from genderscope import evaluate as evaluation
    from genderscope.classifier import Classifier
    from genderscope.cli import printable
    from genderscope.leaks import listed
    from genderscope.selection import Selected, Selection

    split = split or plugins.load("datasets", dataset.partition(":")[0]).SPLITS[-1]
    wanted = Selection(gender_known=False, without=listed(exclude), present=False)
    samples = list(islice(Selected(datasets.read(dataset, split), wanted), limit))
    classifier = Classifier.load(model)
    finder = detectors.create(detector, model=detector_model)
    for file in filter(None, (json_file, predictions, confusion)):
        file.parent.mkdir(parents=True, exist_ok=True)

    # No markup: a path or a group's name may hold anything.
    out = Console(markup=False, highlight=False)
    err = Console(markup=False, highlight=False, stderr=True)
    answers = list(
        track(
            evaluation.answers(samples, finder, classifier, batch_size),
            total=len(samples),
            description="Classifying",
            console=err,
            disable=not err.is_terminal,
        )
    )
    report = evaluation.report(
        answers,
        dataset=dataset,
        split=split,
        model=classifier.name,
        detector=finder.name,
        min_confidence=classifier.min_confidence,
        command=shlex.join(["genderscope", *sys.argv[1:]]),
    )
    if json_file:
        json_file.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if predictions:
        evaluation.write_predictions(predictions, answers)
    if confusion:
        plots.confusion_matrix(
            report["confusion"]["counts"],
            report["confusion"]["normalised"],
            f"{report['model']} on {dataset}, {split}, n = {report['n']:,}",
            confusion,
        )
    out.print(f"{report['model']} on {dataset}, {split}, faces found by {report['detector']}")
    out.print(_measures(report))
    if report["by_group"]:
        out.print(_groups(report))
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


def _measures(report: dict[str, Any]) -> "Table":
    """The model beside the three classifiers that look at nothing."""
    from rich import box
    from rich.table import Table

    table = Table("%", report["model"], "95% interval", *TRIVIAL.values(), box=box.SIMPLE)
    columns = [report, *(report["trivial"][name] for name in TRIVIAL)]
    for key, name in MEASURES.items():
        values = [column[key] for column in columns]
        interval = report[f"{key}_interval"]
        if isinstance(interval, list):
            table.add_row(name, _percent(values[0]), _between(interval), *map(_percent, values[1:]))
            continue
        for label in LABELS:
            first, *others = (_percent(value[label]) for value in values)
            table.add_row(f"{name}, {label}", first, _between(interval[label]), *others)
    table.add_section()
    table.add_row("ROC-AUC", _percent(report["roc_auc"]), _between(report["roc_auc_interval"]))
    chosen = report["selective"]
    table.add_row("answered *", _percent(chosen["coverage"]), _between(chosen["coverage_interval"]))
    table.add_row(
        "accuracy of these", _percent(chosen["accuracy_of_answered"]), _between(chosen["interval"])
    )
    table.add_section()
    for key, name in {"ece": "ECE, 0-1", "brier": "Brier, 0-1", "nll": "NLL, nats"}.items():
        value = report["calibration"][key]
        table.add_row(name, "-" if value is None else f"{value:.4f}")
    table.caption = f"* with a confidence of at least {chosen['min_confidence']:.2f}"
    return table


def _groups(report: dict[str, Any]) -> "Table":
    """Each of the data set's groups by itself."""
    from rich import box
    from rich.table import Table

    from genderscope.cli import printable

    recalls = [f"recall, {label}" for label in LABELS]
    table = Table("% (95% interval)", "n", "accuracy", *recalls, box=box.SIMPLE)
    table.columns[0].overflow = "fold"
    for column, groups in report["by_group"].items():
        table.add_section()
        table.add_row(printable(column))
        for name, group in groups.items():
            shares = [
                (group["accuracy"], group["accuracy_interval"]),
                *((recall["value"], recall["interval"]) for recall in group["recall"].values()),
            ]
            table.add_row(
                f"  {printable(name)}",
                f"{group['n']:,}",
                *(
                    "n too small" if share is None else f"{_percent(share)} ({_between(interval)})"
                    for share, interval in shares
                ),
            )
    return table


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _between(interval: list[float | None]) -> str:
    return "" if None in interval else "-".join(map(_percent, interval))
