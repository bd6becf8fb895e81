"""The card of a model, in Markdown: its uses, limits and errors, in the sections of Mitchell et al.
2019 (arXiv:1810.03993).

Every number comes from the model's metadata or the result files beside it, ``<model>.*.*.json`` by
``evaluate`` and ``<model>.counterfactuals.json``.
"""

from collections.abc import Sequence
from pathlib import Path

from genderscope.core.errors import ModelError
from genderscope.core.results import Estimate
from genderscope.core.terminal import printable
from genderscope.evaluation.counterfactuals import Counterfactuals
from genderscope.evaluation.evaluate import Evaluation, beside
from genderscope.inference.classifier import CARD, INT8, Classifier, find
from genderscope.reporting.formatting import NOT_STATED, TOO_SMALL
from genderscope.reporting.page import render


def card(model: str | Path) -> str:
    """The card of a shipped model, or of an exported one by its path, from its result files;
    ``ModelError`` if the model is missing or has no training metadata, ``ResultError`` for a broken
    result file.
    """
    classifier, file = Classifier.load(model), _model_file(model)
    metadata = classifier.metadata
    if metadata.training is None or metadata.data is None:
        raise ModelError(f"the model {metadata.name} has no training metadata")
    evaluations = beside(file)
    by_group = _grouped(evaluations)
    # Training takes the split train, else all.
    own = [
        evaluation.data
        for evaluation in evaluations
        if evaluation.dataset.partition(":")[0] in metadata.data.sources
        and evaluation.split in ("train", "all")
    ]
    flips = file.with_name(f"{file.stem}.counterfactuals.json")
    return render(
        "model_card.md",
        {
            "count": "{:,}".format,
            "percent": _percent,
            "share": _share,
            "decimal": _decimal,
            "cell": _cell,
        },
        model=metadata,
        spec=classifier.spec,
        evaluations=evaluations,
        own=own,
        by_group=by_group,
        columns={column for evaluation in by_group for column in evaluation.by_group},
        counterfactuals=Counterfactuals.load(flips) if flips.is_file() else None,
    )


def read(model: str | Path) -> str:
    """The card saved beside a model; ``ModelError`` if the model or the card is missing."""
    file = _model_file(model).with_suffix(CARD)
    if not file.is_file():
        raise ModelError(f"{model} has no card: write it with genderscope card {model} --write")
    return file.read_text(encoding="utf-8")


def _model_file(model: str | Path) -> Path:
    """The model's file; ``ModelError`` for an 8-bit version, which has no card of its own."""
    file = find(model)
    if file.name.endswith(INT8):
        name = file.name.removesuffix(INT8)
        raise ModelError(
            f"{file.stem} is the 8-bit version of {name}: see genderscope card {name}, and "
            "genderscope models for the difference in accuracy"
        )
    return file


def _grouped(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """The first evaluation on each data set, if it has results by group."""
    first: dict[str, Evaluation] = {}
    for evaluation in evaluations:
        first.setdefault(evaluation.dataset.partition(":")[0], evaluation)
    return [evaluation for evaluation in first.values() if evaluation.by_group]


def _cell(name: str) -> str:
    """A group's name, which may hold anything, in a cell of a table."""
    return printable(name).replace("|", r"\|") or NOT_STATED


def _percent(share: float | None) -> str:
    return TOO_SMALL if share is None else f"{100 * share:.1f}"


def _share(estimate: Estimate) -> str:
    """A share or a difference in percent, with its interval."""
    interval = estimate.interval and tuple(100 * end for end in estimate.interval)
    return _percent(estimate.value) + _ends(interval, 1)


def _decimal(estimate: Estimate) -> str:
    return "-" if estimate.value is None else f"{estimate.value:.3f}" + _ends(estimate.interval, 3)


def _ends(interval: Sequence[float] | None, digits: int) -> str:
    return f" ({' to '.join(f'{end:.{digits}f}' for end in interval)})" if interval else ""
