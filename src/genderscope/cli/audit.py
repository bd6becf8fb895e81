"""``genderscope audit``: how often a model errs, for whom, and which differences are shown."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genderscope.cli import _measured
from genderscope.core.errors import DatasetError, UsageError
from genderscope.core.extras import require

if TYPE_CHECKING:
    from genderscope.evaluation.predictions import Predictions

PANEL = "Measure"


def audit(
    by: Annotated[
        str,
        typer.Option(
            metavar="COLUMN,COLUMN",
            help="What divides the pictures: gender, which is the label, and columns of the data "
            "set or CSV, such as race,age,gender.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", file_okay=False, help="audit.html, .json and .md go here."),
    ],
    dataset: Annotated[
        str | None,
        typer.Option(metavar="NAME:PATH", help="Run a model on this, such as fairface:DIR."),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Audit these instead: file,label,prediction,score and further columns.",
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(help="A shipped model's name or the path of an exported .onnx file.")
    ] = "mini_xception",
    split: Annotated[
        str | None, typer.Option(help="Which part of it. [default: the data set's last]")
    ] = None,
    depth: Annotated[int, typer.Option(min=1, help="How many columns are crossed at most.")] = 2,
    counterfactuals: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="What genderscope counterfactuals measured."),
    ] = None,
    regions: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="What genderscope regions measured.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn at random.")] = 0,
    detector: _measured.DetectorName = None,
    detector_model: _measured.DetectorModel = None,
    exclude: _measured.Exclude = None,
    limit: _measured.Limit = None,
    batch_size: _measured.BatchSize = 256,
) -> None:
    """Report errors by group, for a model or any predictions.

    Writes a page that needs nothing else, the same in Markdown, and all numbers as JSON; with
    --dataset the predictions too. Groups are the data set's own labels and never predicted; below
    30 pictures they have no numbers. A column "identity" tells which pictures are of one person.
    Exit codes: 0 all done, 1 some pictures could not be read, 2 wrong usage. Needs [eval].
    """
    for module in ("fairlearn", "matplotlib", "scipy"):  # now, rather than after all pictures
        require(module, "eval")
    import json
    import shlex

    from genderscope.cli import printable
    from genderscope.core.storage import write_whole
    from genderscope.evaluation import audit as auditing
    from genderscope.evaluation import predictions as tables
    from genderscope.reporting import markdown
    from genderscope.reporting.audit import page as audit_page
    from genderscope.reporting.page import page

    if (dataset is None) == (predictions is None):
        raise UsageError("name a --dataset to run a model on, or the --predictions of one")
    if predictions:
        _measured.of_a_dataset(
            split=split,
            exclude=exclude,
            limit=limit,
            detector=detector,
            detector_model=detector_model,
        )
    columns = _measured.columns(by)
    # Where the report lies is no part of it, so that the same audit is the same file anywhere.
    words = ["genderscope", "audit", "--by", ",".join(columns), "--out", "DIR"]
    words += ["--depth", str(depth), "--seed", str(seed)]
    extras = {"counterfactuals": counterfactuals, "regions": regions}
    given = {name: _json(name, file) for name, file in extras.items() if file}
    sheet = _sheet(counterfactuals, given.get("counterfactuals"))
    for name in given:
        words += [f"--{name}", str(extras[name])]
    about: dict[str, str] = {}
    failed = 0
    if predictions:
        words += ["--predictions", str(predictions)]
        found = tables.read(predictions)
    else:
        assert dataset is not None
        found, about, failed = _asked(
            dataset, model, split, detector, detector_model, exclude, limit, batch_size
        )
        words += ["--dataset", dataset, "--split", about["split"], "--model", model]
        words += ["--detector", about["detector"]]
        words += ["--exclude", str(exclude)] if exclude else []
        words += ["--limit", str(limit)] if limit else []
    numbers = auditing.report(
        found, columns, about=about, depth=depth, seed=seed, command=shlex.join(words)
    )
    numbers |= given
    title, start = audit_page.title(numbers), audit_page.introduction(numbers)
    sections = audit_page.sections(numbers, sheet)
    out.mkdir(parents=True, exist_ok=True)
    if dataset:
        tables.write(out / "predictions.csv", found)
    written = {
        "audit.json": json.dumps(numbers, indent=2, allow_nan=False) + "\n",
        "audit.md": markdown.document(title, start, sections),
        "audit.html": page(title, start, sections),
    }
    for name, text in written.items():
        write_whole(out / name, text.encode("utf-8", "surrogateescape"))
    for sentence in audit_page.short(numbers):
        typer.echo(printable(f"- {sentence}"))
    typer.echo(f"The page lies in {(out / 'audit.html').resolve()}")
    if failed:
        typer.echo(f"{failed:,} pictures could not be read, and count as errors", err=True)
        raise typer.Exit(1)


def _asked(
    dataset: str,
    model: str,
    split: str | None,
    detector: str | None,
    detector_model: Path | None,
    exclude: Path | None,
    limit: int | None,
    batch_size: int,
) -> tuple["Predictions", dict[str, str], int]:
    """What a model says of a data set, what that was, and how many pictures could not be read."""
    from dataclasses import replace

    from rich.console import Console

    from genderscope import detection
    from genderscope.cli import printable
    from genderscope.evaluation import audit as auditing
    from genderscope.evaluation import evaluate, predictions
    from genderscope.inference.classifier import Classifier

    split, samples = _measured.samples(dataset, split, exclude, limit)
    classifier = Classifier.load(model)
    finder = detection.create(detector, model=detector_model)
    err = Console(markup=False, highlight=False, stderr=True)
    answers = _measured.asked(
        evaluate.answers(samples, finder, classifier, batch_size), samples, err
    )
    for answer in answers:
        if answer.error:
            err.print(printable(f"unreadable: {answer.error}"), soft_wrap=True)
    found = predictions.of(answers, classifier.name)
    if any(sample.identity for sample in samples):
        persons = tuple(sample.identity or "" for sample in samples)
        found = replace(found, columns=found.columns | {auditing.IDENTITY: persons})
    about = {"dataset": dataset, "split": split, "detector": finder.name}
    return found, about, sum(answer.error is not None for answer in answers)


def _json(kind: str, file: Path) -> dict[str, Any]:
    """A measurement that another command wrote."""
    import json

    from genderscope.reporting.audit.extras import check

    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{file} cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise DatasetError(f"{file} is not what genderscope {kind} --json writes")
    check(kind, found, file)
    return found


def _sheet(file: Path | None, found: dict[str, Any] | None) -> bytes | None:
    """The picture that lies beside counterfactuals and is named in them."""
    if file is None or not found or not found.get("sheet"):
        return None
    try:
        return (file.parent / Path(found["sheet"]).name).read_bytes()
    except OSError as error:
        raise DatasetError(f"{file} names a sheet that cannot be read: {error}") from error
