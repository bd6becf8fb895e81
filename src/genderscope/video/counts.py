"""Counts of people in a video: each confirmed track counts once, by its last label."""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import inf
from typing import ClassVar

from genderscope.core.errors import UsageError
from genderscope.core.results import Document, Record
from genderscope.core.types import LABELS, UNCERTAIN, LeftOut, Result
from genderscope.video.correction import DATA, Confusion, Correction, correct


class LabelCounts(Record, frozen=True, kw_only=True):
    """Tracks by label."""

    woman: int
    man: int
    uncertain: int

    @classmethod
    def of(cls, labels: Iterable[str]) -> "LabelCounts":
        counts = Counter(labels)
        return LabelCounts(**{label: counts[label] for label in (*LABELS, UNCERTAIN)})


class IntervalCounts(Record, frozen=True, kw_only=True):
    """Tracks seen from ``start_s`` to ``end_s`` of the source, by their last label in this
    interval; ``new`` of them were not counted before.
    """

    start_s: float
    end_s: float
    n: int
    new: int
    labels: LabelCounts


class TrackCounts(Record, frozen=True, kw_only=True):
    """Confirmed tracks, each counted once by its last label, up to ``seconds``, the time of the
    last frame. Either ``corrected`` is set, or ``not_corrected`` has the reason; intervals are
    optional.
    """

    seconds: float
    n: int
    total: LabelCounts
    corrected: Correction | None
    not_corrected: str | None
    intervals: list[IntervalCounts] | None


class Counts(Document, frozen=True, kw_only=True):
    """The output of ``genderscope watch --counts``. ``source`` is an address without user, password
    and query; a track below ``min_confidence`` is uncertain; dropped frames were broken or replaced
    by newer ones; ``left_out`` is the maximum of any frame.
    """

    KIND: ClassVar[str] = "counts"

    source: str
    model: str
    detector: str
    min_confidence: float
    frames: int
    frames_dropped: int
    left_out: LeftOut = LeftOut()
    tracks: TrackCounts


class TrackCounter:
    """Counts confirmed tracks by label, in total and per interval of ``interval_s`` from time 0;
    ``UsageError`` if that is not positive and finite.
    """

    def __init__(self, confusion: Confusion | None, interval_s: float | None = None) -> None:
        if interval_s is not None and not 0 < interval_s < inf:
            raise UsageError(f"an interval must be positive and finite, not {interval_s} s")
        self._confusion, self._interval_s = confusion, interval_s
        self._total: dict[int, tuple[str, bool]] = {}
        self._interval: dict[int, str] = {}
        self._number, self._new = 0, 0
        self._end_s = 0.0
        self._past: list[IntervalCounts] = []

    def add(self, results: Sequence[Result], time_s: float | None) -> bool:
        """Count the confirmed tracks of one frame, in order of time; a frame without a time is
        ignored. Returns whether an interval ended.
        """
        ended = False
        if time_s is None:
            return ended
        while self._interval_s is not None and time_s >= (self._number + 1) * self._interval_s:
            self._past.append(self._present(self._interval_s))
            self._interval, self._new, self._number = {}, 0, self._number + 1
            ended = True
        self._end_s = time_s
        for result in results:
            if result.track is not None and result.track.confirmed:
                number, prediction = result.track.number, result.prediction
                self._new += number not in self._total
                self._total[number] = prediction.label, prediction.scores[1] > 0.5
                self._interval[number] = prediction.label
        return ended

    def counts(self) -> TrackCounts:
        """Everything counted so far."""
        corrected, reason = self._correction()
        length_s = self._interval_s
        return TrackCounts(
            seconds=round(self._end_s, 3),
            n=len(self._total),
            total=LabelCounts.of(label for label, _ in self._total.values()),
            corrected=corrected,
            not_corrected=reason,
            intervals=None if length_s is None else [*self._past, self._present(length_s)],
        )

    def _correction(self) -> tuple[Correction | None, str | None]:
        if self._confusion is None:
            return (
                None,
                f"the model has no evaluation of {' '.join(DATA)} with this detector beside it",
            )
        if not self._total:
            return None, "there is no track"
        men = sum(man for _, man in self._total.values())
        try:
            return correct(men, len(self._total), self._confusion), None
        except ValueError as error:
            return None, str(error)

    def _present(self, interval_s: float) -> IntervalCounts:
        return IntervalCounts(
            start_s=self._number * interval_s,
            end_s=(self._number + 1) * interval_s,
            n=len(self._interval),
            new=self._new,
            labels=LabelCounts.of(self._interval.values()),
        )
