"""What arrays of truths and scores say: counts, rates and their intervals, also by group.

``truth`` is (n,) of indices into ``LABELS``; ``score`` is (n,) of P(man), NaN where there is no
answer. No answer is a wrong answer: it stays in every denominator but precision's. An undefined
number is NaN. Knows nothing of pictures, models or files, and needs the ``eval`` extra.
"""

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from genderscope.core.extras import require
from genderscope.core.types import LABELS, Floats

Integers = npt.NDArray[np.int64]
Interval = tuple[float, float]

LEVEL = 0.95
SMALLEST_N = 30
"""With fewer pictures a rate says next to nothing and is withheld."""
UNKNOWN: Interval = (np.nan, np.nan)


def decide(score: Floats) -> Integers:
    """The label with the higher score, without abstention; -1 where there is no answer."""
    return np.where(np.isnan(score), -1, score > 0.5).astype(np.int64)


def confusion(truth: Integers, predicted: Integers) -> Integers:
    """Counts, (2, 3): rows are truths, columns are the two labels and "no answer"."""
    learn = require("sklearn.metrics", "eval")
    counts: Integers = learn.confusion_matrix(truth, predicted, labels=[0, 1, -1])[:2]
    return counts


def rates(counts: npt.NDArray[Any]) -> dict[str, Floats]:
    """Rates of confusion matrices (..., 2, 3), or (..., 2, 2) where everything has an answer.

    Returns:
        ``recall``, ``precision``, ``f1``: (..., 2); ``accuracy``, ``balanced_accuracy`` (the mean
        recall), ``macro_precision``, ``macro_f1``, ``recall_gap`` (absolute difference): (...).
    """
    right = counts[..., [0, 1], [0, 1]].astype(np.float64)
    true, given = counts.sum(axis=-1), counts.sum(axis=-2)[..., :2]
    with np.errstate(invalid="ignore"):
        recall, precision, f1 = right / true, right / given, 2 * right / (true + given)
        accuracy = right.sum(axis=-1) / true.sum(axis=-1)
    return {
        "accuracy": accuracy,
        "balanced_accuracy": recall.mean(axis=-1),
        "recall": recall,
        "recall_gap": abs(recall[..., 0] - recall[..., 1]),
        "precision": precision,
        "macro_precision": precision.mean(axis=-1),
        "f1": f1,
        "macro_f1": f1.mean(axis=-1),
    }


def trivial(counts: Integers) -> dict[str, dict[str, Floats]]:
    """Rates of three classifiers that look at nothing, on the truths of a confusion matrix.

    ``prior_random`` draws its answers with the shares of the truths; its rates are those of its
    expected counts.
    """
    true = counts.sum(axis=-1, keepdims=True)
    answers = {
        "always_woman": np.array([1.0, 0.0]),
        "always_man": np.array([0.0, 1.0]),
        "prior_random": (true / true.sum()).ravel(),
    }
    return {name: rates(true * shares) for name, shares in answers.items()}


def wilson(successes: int, n: int, level: float = LEVEL) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927)."""
    if not n:
        return UNKNOWN
    stats = require("scipy.stats", "eval")
    interval = stats.binomtest(int(successes), int(n)).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def resample(counts: Integers, seed: int, resamples: int = 2000) -> Integers:
    """Counts as they might have been, (resamples, *counts.shape): the bootstrap (Efron 1979).

    Drawing n pictures with replacement and counting them is one draw of a multinomial, so nothing
    loops over pictures.
    """
    n = counts.sum()
    drawn = np.random.default_rng(seed).multinomial(n, counts.ravel() / n, resamples)
    return drawn.reshape(resamples, *counts.shape)


def percentiles(values: Floats, level: float = LEVEL) -> Floats:
    """The bootstrap's percentile interval of a statistic of each resample, (resamples, ...).

    Returns:
        (2, ...): the lower and the upper end; NaN where the statistic never is a number.
    """
    undefined = np.isnan(values).all(axis=0)
    ends = [(1 - level) / 2, (1 + level) / 2]
    interval = np.nanquantile(np.where(undefined, 0.0, values), ends, axis=0)
    return np.where(undefined, np.nan, interval)


def roc_auc(truth: Integers, score: Floats, level: float = LEVEL) -> tuple[float, Interval]:
    """Area under the ROC curve of the answered, and its interval (DeLong et al. 1988)."""
    learn, stats = require("sklearn.metrics", "eval"), require("scipy.stats", "eval")
    answered = ~np.isnan(score)
    truth, score = truth[answered], score[answered]
    sides = score[truth == 0], score[truth == 1]
    if min(map(len, sides)) < 2:
        return np.nan, UNKNOWN
    area = float(learn.roc_auc_score(truth, score))
    ranks = stats.rankdata(score)
    # Of each picture, how many of the other class it outranks: all minus its own class's.
    outranked = [ranks[truth == k] - stats.rankdata(sides[k]) for k in (0, 1)]
    variance = sum((outranked[k] / len(sides[1 - k])).var(ddof=1) / len(sides[k]) for k in (0, 1))
    reach = stats.norm.ppf((1 + level) / 2) * variance**0.5
    return area, (float(max(area - reach, 0.0)), float(min(area + reach, 1.0)))


def selective(truth: Integers, score: Floats, min_confidence: float) -> dict[str, Any]:
    """What abstaining below a confidence buys: the share answered, and how often that is right."""
    answered = np.maximum(score, 1 - score) >= min_confidence
    n, right = int(answered.sum()), int((decide(score) == truth)[answered].sum())
    return {
        "min_confidence": min_confidence,
        "n_answered": n,
        "coverage": n / len(truth),
        "coverage_interval": wilson(n, len(truth)),
        "accuracy_of_answered": right / n if n else np.nan,
        "interval": wilson(right, n),
    }


def by_group(truth: Integers, score: Floats, groups: npt.NDArray[Any]) -> dict[str, Any]:
    """Accuracy and recall within each group, with Wilson intervals.

    Args:
        groups: (n,) of the group's names.

    Returns:
        For each name, in order (3-9 before 10-19), ``n``, ``n_too_small``, ``accuracy``,
        ``accuracy_interval`` and, for each label, ``recall``: ``n``, ``n_too_small``, ``value``,
        ``interval``. A number over fewer than ``SMALLEST_N`` pictures is None, and so is its
        interval.
    """
    right = decide(score) == truth
    result = {}
    for name in sorted(set(groups), key=group_order):
        member = groups == name
        whole = share(right[member])
        result[str(name)] = {
            "n": whole["n"],
            "n_too_small": whole["n_too_small"],
            "accuracy": whole["value"],
            "accuracy_interval": whole["interval"],
            "recall": {
                label: share(right[member & (truth == k)]) for k, label in enumerate(LABELS)
            },
        }
    return result


def group_order(name: str) -> tuple[float, str]:
    """Sorts groups by the number that they begin with, 3-9 before 10-19, and then by name."""
    number = re.match(r"\d+", name)
    return (int(number.group()) if number else np.inf), name


def share(right: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """How many answers of (n,) are right: ``n``, ``n_too_small``, ``value`` and Wilson's
    ``interval``, which are None over fewer than ``SMALLEST_N``.
    """
    n, successes = len(right), int(right.sum())
    small = n < SMALLEST_N
    return {
        "n": n,
        "n_too_small": small,
        "value": None if small else successes / n,
        "interval": None if small else wilson(successes, n),
    }


def plain(value: Any) -> Any:
    """Results as JSON has them: lists for arrays and tuples, None for NaN."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value
