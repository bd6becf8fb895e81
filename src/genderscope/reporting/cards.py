"""The card of a model, in Markdown: what it is for, what it is not for, and how it errs.

After Mitchell et al. 2019 (arXiv:1810.03993), whose sections it keeps. Every number comes from the
model's own metadata or from the result files beside it, ``<model>.*.*.json`` by ``evaluate`` and
``<model>.counterfactuals.json``.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from genderscope.core.errors import ModelError
from genderscope.core.results import Estimate
from genderscope.core.types import LABELS
from genderscope.evaluation.counterfactuals import Counterfactuals
from genderscope.evaluation.evaluate import Evaluation, beside
from genderscope.inference.classifier import WEIGHTS, Classifier, find, shipped
from genderscope.inference.metadata import Abstention, Metadata
from genderscope.reporting import markdown

SUFFIX = ".card.md"

TEMPLATE = Path(__file__).parent / "model_card.md"


def card(model: str | Path) -> str:
    """The card of a shipped model, or of an exported one by its path.

    Raises:
        ModelError: there is no such model.
    """
    classifier = Classifier.load(model)
    file = find(model)
    results = beside(file)
    flips = file.with_name(f"{file.stem}.counterfactuals.json")
    sets = ", ".join(dict.fromkeys(result.data for result in results))
    return TEMPLATE.read_text(encoding="utf-8").format(
        name=classifier.name,
        labels=", ".join(f"`{label}`" for label in LABELS),
        details=_details(classifier),
        results=_results(results),
        commands=_items(*dict.fromkeys(f"`{result.provenance.command}`" for result in results)),
        groups="\n\n".join(map(_groups, _one_each(results))),
        calibration=_calibration(results),
        flips=_flips(Counterfactuals.load(flips)) if flips.is_file() else "Not measured yet.",
        training=_training(classifier.metadata),
        evaluation=f"{sets or 'None yet'}. Nothing was chosen on them.",
        abstention=_abstention(classifier.metadata.abstention),
    )


def read(model: str) -> str:
    """The card that ships with a model.

    Raises:
        ModelError: there is no such model, or it has no card.
    """
    file = WEIGHTS / f"{model}{SUFFIX}"
    if model not in shipped() or not file.is_file():
        known = [name for name in shipped() if (WEIGHTS / f"{name}{SUFFIX}").is_file()]
        raise ModelError(f"no card of {model!r}; there are cards of: {', '.join(known)}")
    return file.read_text(encoding="utf-8")


def _details(classifier: Classifier) -> str:
    known, spec = classifier.metadata, classifier.spec
    training, data = known.training, known.data
    if training is None or data is None:
        raise ModelError(f"the model {known.name} does not carry what it was trained on")
    return _items(
        f"Architecture: {known.source}",
        f"{known.parameters:,} parameters, {known.multiply_adds / 1e6:.1f} million "
        "multiply-adds a face",
        f"Input: a face of {spec.size} x {spec.size} pixels, "
        f"{'grey' if spec.colour == 'grey' else 'in colour'}, cut by the recipe `{spec.name}`",
        f"Trained with genderscope {training.versions['genderscope']} at commit "
        f"`{training.commit}`, seed {training.settings['seed']}; the model file's metadata "
        "hold all settings",
        f"Licence of the weights: {data.licence}, that of the data; of the code: Apache-2.0",
        "Questions and problems: the project's issue tracker",
    )


def _results(results: Iterable[Evaluation]) -> str:
    head = (
        *("data set", "detector", "n", "accuracy %", *(f"recall, {label} %" for label in LABELS)),
        *("gap, points", "answered %", "accuracy of these %"),
    )
    rows = []
    for result in results:
        rates, selective = result.rates, result.selective
        estimates = (rates.accuracy, *rates.recall.values(), rates.recall_gap)
        cells = map(_estimate, (*estimates, selective.coverage, selective.accuracy))
        rows.append((*_of(result), *cells))
    return markdown.table(head, rows)


def _one_each(results: Iterable[Evaluation]) -> list[Evaluation]:
    """The first of several results on a data set."""
    first: dict[str, Evaluation] = {}
    for result in results:
        first.setdefault(result.dataset.partition(":")[0], result)
    return [result for result in first.values() if result.by_group]


def _groups(result: Evaluation) -> str:
    rows = [
        (
            f"{column}: {name}",
            f"{group.accuracy.n:,}",
            *map(_estimate, (group.accuracy, *group.recall.values())),
        )
        for column, groups in result.by_group.items()
        for name, group in groups.items()
    ]
    head = ("group", "n", "accuracy %", *(f"recall, {label} %" for label in LABELS))
    title = f"### By group: {result.data}, {result.detector}"
    return f"{title}\n\n{markdown.table(head, rows)}"


def _calibration(results: Iterable[Evaluation]) -> str:
    rows = []
    for result in results:
        known = result.calibration
        estimates = (known.ece, known.brier, known.nll)
        rows.append((*_of(result), *(_plain(one.value, one.interval) for one in estimates)))
    head = ("data set", "detector", "n", "ECE, 0-1", "Brier, 0-1", "NLL, nats")
    return markdown.table(head, rows)


def _flips(results: Counterfactuals) -> str:
    head = (
        *("condition", "n", "flip rate %", "to man %", "to woman %", "confidence, points"),
        "accuracy %",
    )
    rows = [
        (
            condition.name,
            f"{condition.flip_rate.n:,}",
            _estimate(condition.flip_rate),
            _share(condition.to_man),
            _share(condition.to_woman),
            _estimate(condition.confidence_change),
            _estimate(condition.accuracy),
        )
        for condition in results.conditions
    ]
    return (
        f"{markdown.table(head, rows)}\n\nIn the original pictures, the accuracy is "
        f"{_estimate(results.accuracy)}%, n = {results.n:,}. Measured by "
        f"`{results.provenance.command}`, seed {results.provenance.seed}."
    )


def _training(metadata: Metadata) -> str:
    data = metadata.data
    assert data is not None  # ``_details`` has raised
    return (
        f"{data.train:,} faces of {data.name} ({data.licence}), found by "
        f"{data.detector}; {data.validation:,} more were held out to choose settings, "
        "temperature and threshold. Labels are annotators' views of photographs. The fingerprint "
        f"of the pictures' names, sizes and labels is `{data.fingerprint}`."
    )


def _abstention(chosen: Abstention) -> str:
    return (
        f"`uncertain` is the answer below a confidence of {chosen.min_confidence:.3f}: on "
        f"validation faces, n = {chosen.n or 0:,}, {_share(chosen.coverage)}% are answered, "
        f"{_share(chosen.error_of_answered)}% of these wrongly. Elsewhere the shares differ."
    )


def _of(result: Evaluation) -> tuple[str, str, str]:
    return result.data, result.detector, f"{result.n:,}"


def _share(share: float | None, interval: Sequence[float] | None = None) -> str:
    """A share of 1 in per cent, with its interval."""
    if share is None:
        return "n too small"
    ends = interval and [None if end is None else 100 * end for end in interval]
    return _plain(100 * share, ends, 1)


def _estimate(estimate: Estimate) -> str:
    return _share(estimate.value, estimate.interval)


def _plain(value: float | None, interval: Sequence[float | None] | None, digits: int = 3) -> str:
    if value is None:
        return "-"
    ends = [f"{end:.{digits}f}" for end in interval or () if end is not None]
    return f"{value:.{digits}f}" + (f" ({' to '.join(ends)})" if ends else "")


def _items(*sentences: str) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)
