"""How many were seen, with what the model's errors make of it.

A track counts once, by the label that it has last. Since the model errs, the share of the labels is
not the share of the truths: where the model's confusion is known, the total is corrected for it,
with an interval that carries what is not known about the confusion and what chance does with few
tracks. Knows nothing of frames, files to write, or screens.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

from genderscope.core.errors import ModelError
from genderscope.core.types import LABELS, UNCERTAIN, Result
from genderscope.inference.classifier import find

LEVEL = 0.95
ONLY_RIGHT_WHERE = (
    "the model errs on the tracks counted here as often as it did on single pictures of that data "
    "set: the same mix of ages, poses, light and face sizes. Averaging along tracks changes the "
    "errors too, mostly for the better. A person who left and came back counts twice."
)
COUNTED_IS = (
    "tracks, each once; the correction counts the uncertain ones by their higher score, since the "
    "confusion was counted without abstention"
)
# The results that a model's confusion is taken from, the best first: see ``evaluate``.
RESULTS = ("fairface-val-no-leaks", "fairface-val")


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often a model took whom for whom, on pictures whose label is known.

    Attributes:
        counts: rows are truths, columns are answers, both in the order of ``LABELS``.
        origin: the file that they come from, and what was measured there.
    """

    counts: tuple[tuple[int, int], tuple[int, int]]
    origin: dict[str, Any]

    def __post_init__(self) -> None:
        if any(min(row) < 0 or not sum(row) for row in self.counts):
            raise ValueError(f"a confusion has some of both truths, not {self.counts}")


def known_confusion(model: str | Path, detector: str) -> Confusion | None:
    """The confusion that lies beside a model as its result on FairFace's validation part.

    Args:
        model: a shipped model's name, or the path of an exported one.
        detector: the name of what found the faces there, and finds them now.

    Returns:
        The one without leaks where there is one; None where none lies there.

    Raises:
        ModelError: there is no such model, or its result is broken.
    """
    network = find(model)
    for result in RESULTS:
        file = network.with_name(f"{network.stem}.{result}.{detector}.json")
        if file.is_file():
            try:
                found = json.loads(file.read_text(encoding="utf-8"))
                (a, b), (c, d) = found["confusion"]["counts"]
                origin = {key: found[key] for key in ("dataset", "split", "detector", "n")}
                return Confusion(((a, b), (c, d)), {"file": file.name, **origin})
            except (ValueError, KeyError, TypeError) as error:
                raise ModelError(f"{file} is no result of a model: {error}") from error
    return None


def corrected(men: int, n: int, confusion: Confusion, level: float = LEVEL) -> dict[str, Any]:
    """The share of men among those of whom some were called men, corrected for known confusion.

    The estimate is Rogan's and Gladen's (1978), which is the inversion of the confusion matrix
    (Forman 2008), kept within 0-1. The interval is Lang's and Reiczigel's (2014): it holds for the
    share in the population that the n come from, and is wider than need be for the n themselves.

    Args:
        men: how many of the n were called men.

    Returns:
        For each label ``share``, ``share_interval``, ``tracks`` and ``tracks_interval``.

    Raises:
        ValueError: there are none, or the model tells nothing apart.
    """
    (women_right, women_wrong), (men_wrong, men_right) = confusion.counts
    n_women, n_men = women_right + women_wrong, men_wrong + men_right
    if not 0 <= men <= n or not n:
        raise ValueError(f"{men} of {n} were called men: that is no share")
    recalls = women_right / n_women, men_right / n_men
    # A little nearer to the middle, as Agresti and Coull (1998) do it.
    woman, man = (women_right + 1) / (n_women + 2), (men_right + 1) / (n_men + 2)
    if min(sum(recalls), woman + man) <= 1:
        raise ValueError(f"the model tells nothing apart: its recalls are {recalls}")
    share = (men / n + recalls[0] - 1) / (sum(recalls) - 1)

    z = NormalDist().inv_cdf((1 + level) / 2)
    called = (men + z**2 / 2) / (n + z**2)
    middle = (called + woman - 1) / (woman + man - 1)
    spread_woman = woman * (1 - woman) / (n_women + 2)
    spread_man = man * (1 - man) / (n_men + 2)
    variance = (
        called * (1 - called) / (n + z**2)
        + middle**2 * spread_man
        + (1 - middle) ** 2 * spread_woman
    )
    middle += 2 * z**2 * (middle * spread_man - (1 - middle) * spread_woman)
    reach = z * variance**0.5 / (woman + man - 1)
    low, high = (min(max(end, 0.0), 1.0) for end in (middle - reach, middle + reach))
    share = min(max(share, 0.0), 1.0)
    shares = {LABELS[0]: (1 - share, 1 - high, 1 - low), LABELS[1]: (share, low, high)}
    return {
        label: {
            "share": value,
            "share_interval": [lower, upper],
            "tracks": value * n,
            "tracks_interval": [lower * n, upper * n],
        }
        for label, (value, lower, upper) in shares.items()
    }


class Counts:
    """Unique tracks by label, in all and within each interval of time; see ``add``.

    Args:
        interval_s: length of an interval, from time 0 on; None counts in all only.
    """

    def __init__(self, confusion: Confusion | None, interval_s: float | None = None) -> None:
        self._confusion, self._interval_s = confusion, interval_s
        self._total: dict[int, tuple[str, bool]] = {}
        self._interval: dict[int, str] = {}
        self._number, self._new = 0, 0
        self._end_s = 0.0
        self._past: list[dict[str, Any]] = []

    def add(self, results: Sequence[Result], time_s: float | None) -> bool:
        """Count the tracks of one frame that were seen often enough; times do not go back, and a
        frame without a time is none.

        Returns:
            Whether an interval has ended with it.
        """
        ended = False
        if time_s is None:
            return ended
        while self._interval_s is not None and time_s >= (self._number + 1) * self._interval_s:
            self._past.append(self._present())
            self._interval, self._new, self._number = {}, 0, self._number + 1
            ended = True
        self._end_s = time_s
        for result in results:
            if result.sighting is not None and result.sighting.counted:
                track, prediction = result.sighting.track, result.prediction
                self._new += track not in self._total
                self._total[track] = prediction.label, prediction.scores[1] > 0.5
                self._interval[track] = prediction.label
        return ended

    def report(self) -> dict[str, Any]:
        """Everything so far, ready for JSON."""
        n = len(self._total)
        total = _by_label(label for label, _ in self._total.values())
        report = {
            "counted_is": COUNTED_IS,
            "seconds": round(self._end_s, 3),
            "n": n,
            "total": total,
            **self._correction(n),
        }
        if self._interval_s is not None:
            report["intervals"] = [*self._past, self._present()]
        return report

    def _correction(self, n: int) -> dict[str, Any]:
        if self._confusion is None:
            return {"corrected": None, "not_corrected": "no result of this model lies beside it"}
        if not n:
            return {"corrected": None, "not_corrected": "no track was counted"}
        men = sum(man for _, man in self._total.values())
        try:
            shares = corrected(men, n, self._confusion)
        except ValueError as error:
            return {"corrected": None, "not_corrected": str(error)}
        return {
            "corrected": {
                **shares,
                "level": LEVEL,
                "called_without_abstention": {LABELS[0]: n - men, LABELS[1]: men},
                "confusion": self._confusion.counts,
                "confusion_from": self._confusion.origin,
                "only_right_where": ONLY_RIGHT_WHERE,
            }
        }

    def _present(self) -> dict[str, Any]:
        assert self._interval_s is not None
        start_s = self._number * self._interval_s
        return {
            "start_s": start_s,
            "end_s": start_s + self._interval_s,
            "n": len(self._interval),
            "new": self._new,
            **_by_label(self._interval.values()),
        }


def _by_label(labels: Any) -> dict[str, int]:
    counts = Counter(labels)
    return {label: counts[label] for label in (*LABELS, UNCERTAIN)}
