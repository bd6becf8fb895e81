"""The commands ``evaluate`` and ``audit`` as functions for notebooks."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from genderscope.api import Scope, load
from genderscope.core.arguments import whole, word
from genderscope.core.errors import UsageError
from genderscope.core.extras import require
from genderscope.core.results import Provenance, versions

if TYPE_CHECKING:
    from genderscope.data.datasets.table import DataFrame
    from genderscope.evaluation.audit.results import Audit
    from genderscope.evaluation.evaluate import Evaluation
    from genderscope.evaluation.predictions import Meaning


def evaluate(
    data: "str | DataFrame",
    scope: Scope | None = None,
    *,
    split: str | None = None,
    limit: int | None = None,
    batch_size: int = 256,
) -> "Evaluation":
    """Measure a model on labelled pictures that show one labelled face each, without abstention.

    Args:
        data: a data set, such as ``fairface:DIR``, or a pandas or Polars frame with the columns
            ``file`` and ``label``; its further columns divide the pictures into groups.
        scope: by default ``load()``.
        split: of a data set, by default its last.
        limit: use only the first pictures.
        batch_size: pictures per network run.

    Raises:
        DatasetError: the data set or the frame is malformed or has no labels.
        UsageError: a number is out of range, or a frame is given a ``split``.
        MissingExtra: the extra [eval] is not installed.
    """
    require("sklearn", "eval")
    for name, count in (("limit", limit), ("batch_size", batch_size)):
        if count is not None:
            whole(name, count, 1)
    if not isinstance(scope, Scope | None):
        raise UsageError(f"scope must be what load() returns, not {scope!r}")
    if split is not None and not isinstance(data, str):
        raise UsageError("a frame has no splits: select its rows instead")
    from genderscope.data.datasets import table
    from genderscope.evaluation import evaluate as evaluation
    from genderscope.evaluation import samples

    if isinstance(data, str):
        if split is not None:
            word("split", split)
        read = samples.read(data, split, limit=limit)
    else:
        rows = islice(table.of_frame(data, ["file", "label"]), limit)
        read = samples.Samples("frame", "all", list(table.samples(table.FRAME, rows)), None)
    evaluation.check_labels(read.samples, read.dataset, read.split)  # before the model runs
    scope = scope or load()
    classifier, detector = scope.classifier, scope.detector
    return evaluation.measure(
        list(evaluation.answers(read.samples, detector, classifier, batch_size)),
        dataset=read.dataset,
        split=read.split,
        model=classifier.name,
        detector=detector.name,
        min_confidence=scope.min_confidence,
        provenance=Provenance(
            command="genderscope.evaluate(...)",
            versions=versions(evaluation.PACKAGES),
            seed=0,
            fingerprint=read.fingerprint,
        ),
    )


def audit(
    predictions: "str | Path | DataFrame",
    by: str | Sequence[str] | None = None,
    *,
    depth: int = 2,
    seed: int = 0,
    score_is: "Meaning" = "man",
) -> "Audit":
    """Errors by group, and which differences are larger than chance.

    Args:
        predictions: a pandas or Polars frame, or a CSV or Parquet file, with the columns ``file``,
            ``label``, and ``prediction`` or ``score``, the probability of man. Further columns
            divide the pictures into groups; ``identity`` says which show one person.
        by: the columns that divide them; by default ``gender``, which is the label, and all columns
            of few values.
        depth: maximum number of columns crossed.
        seed: random seed for the calibration error expected by chance.
        score_is: ``man``, or ``confidence`` where the score is the probability of the prediction.

    Raises:
        DatasetError: a column is missing or has an invalid value, or nothing is labelled.
        UsageError: ``by`` names a missing column, ``score_is`` is unknown, or a number is out of
            range.
        MissingExtra: the extra [eval] is not installed.
    """
    require("scipy", "eval")
    from genderscope.data.datasets import table
    from genderscope.evaluation import audit as audits
    from genderscope.evaluation import predictions as tables

    if score_is not in (meanings := get_args(tables.Meaning)):
        raise UsageError(f"score_is must be one of {', '.join(meanings)}, not {score_is!r}")
    depth, seed = whole("depth", depth, 1), whole("seed", seed, 0)
    if isinstance(predictions, str | Path):
        read = tables.read(Path(predictions), score_is, audits.NEEDED)
    else:
        needed = (*audits.NEEDED, *(tables.ANSWERS if score_is == "confidence" else ()))
        rows = table.of_frame(predictions, needed, tables.ANSWERS)
        read = tables.from_rows(table.FRAME, rows, score_is)
    return audits.report(
        read,
        [by] if isinstance(by, str) else list(by or (audits.GENDER, *read.groups)),
        provenance=Provenance(
            command="genderscope.audit(...)", versions=versions(audits.LIBRARIES), seed=seed
        ),
        depth=depth,
    )
