"""Faces of successive frames as tracks: who is who, and one steady answer each.

A track is put together from places and movement alone: a Kalman filter says where each face should
be (Kalman 1960), the best assignment of what was found to that follows it (SORT: Bewley et al.
2016). No face is ever compared with another, so one that leaves for longer than ``memory_s`` and
comes back is a new track. Knows nothing of pictures, networks or sources.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import copysign, exp, log

import numpy as np

from genderscope.core.types import (
    LABELS,
    UNCERTAIN,
    Box,
    Floats,
    Prediction,
    Result,
    Sighting,
)

# All in units of the face's own size: how far boxes jitter, and how hard heads speed up.
JITTER = 0.05
ACCELERATION_PER_S2 = 4.0
FIRST_SPEED_PER_S = 1.0
# Boxes are compared with a rim around them, since at few frames a second the same face need not
# overlap itself (C-BIoU: Yang et al. 2023).
RIM = 0.5
SMALLEST_IOU, TOO_FAR = 0.15, 1e6
# Where two overlap, who was seen in the frame before is likelier the one in front.
HIDDEN_COST = 0.2
# No single frame counts for more than such a score.
SUREST_SCORE = 0.999
# How far beyond the threshold a track's mean log-odds must lie to change its label, and how much
# farther while it is the mean of few frames.
HYSTERESIS, EARLY_HYSTERESIS = 0.2, 1.5


class Tracker:
    """Follows faces and averages what is said of them; see ``update``.

    Args:
        memory_s: how long a face may be hidden and keep its track.
        seen_to_count: frames after which a track is taken for a person rather than for a slip of
            the detector.
    """

    def __init__(self, memory_s: float = 1.0, seen_to_count: int = 3) -> None:
        self.memory_s, self.seen_to_count = memory_s, seen_to_count
        self._tracks: list[_Track] = []
        self._last = 0
        self._time_s: float | None = None

    def update(
        self, results: Sequence[Result], time_s: float, size: tuple[int, int]
    ) -> tuple[Result, ...]:
        """Take one frame's results, and return them as parts of their tracks.

        Args:
            time_s: when the frame was seen; frames may be missing between this one and the last.
            size: width and height of the frame in pixels; it may change within a stream.

        Returns:
            The results in their order, each with its sighting; the prediction is the track's: the
            mean log-odds of its frames, and a label that changes only when they clearly do.
        """
        before_s, self._time_s = self._time_s, time_s
        elapsed_s = 0.0 if before_s is None else max(time_s - before_s, 0.0)
        self._tracks = [t for t in self._tracks if time_s - t.seen_s <= self.memory_s]
        for track in self._tracks:
            track.predict(elapsed_s)
        found = np.array([_place(result.face.box, size) for result in results]).reshape(-1, 4)
        expected = np.array([track.place for track in self._tracks]).reshape(-1, 4)
        shared = overlaps(found, expected)
        hidden = np.array([track.seen_s != before_s for track in self._tracks], bool)
        # What is too far apart costs more than any sum of the others.
        cost = np.where(shared < SMALLEST_IOU, TOO_FAR, 1 - shared + HIDDEN_COST * hidden)
        partner = {row: column for row, column in assign(cost) if cost[row, column] < TOO_FAR}
        followed = []
        for row, result in enumerate(results):
            if row in partner:
                track = self._tracks[partner[row]]
            else:
                self._last += 1
                track = _Track(self._last, found[row])
                self._tracks.append(track)
            followed.append(track.see(result, found[row], time_s, self.seen_to_count))
        return tuple(followed)

    def hidden(self, size: tuple[int, int]) -> list[Box]:
        """Where the faces should be that are remembered but were not found in the last frame."""
        scale = np.array([*size, *size])
        return [
            Box(x - width / 2, y - height / 2, width, height)
            for track in self._tracks
            if track.seen_s != self._time_s
            for x, y, width, height in [(track.place * scale).tolist()]
        ]


class _Track:
    """One face over time: centre and size in shares of the frame, with a speed of the centre."""

    def __init__(self, number: int, place: Floats) -> None:
        self.number, self.place = number, place
        self.seen, self.seen_s, self.log_odds, self.label = 0, 0.0, 0.0, UNCERTAIN
        self._speed = np.zeros(2)
        # Of place and speed in units of the face's size, and so the same for all coordinates.
        self._covariance = np.diag([JITTER**2, FIRST_SPEED_PER_S**2])

    def predict(self, elapsed_s: float) -> None:
        step = np.array([[1, elapsed_s], [0, 1]])
        push = np.array([elapsed_s**2 / 2, elapsed_s]) * ACCELERATION_PER_S2
        self.place = self.place + np.append(self._speed * elapsed_s, (0, 0))
        self._covariance = step @ self._covariance @ step.T + np.outer(push, push)

    def see(self, result: Result, place: Floats, time_s: float, seen_to_count: int) -> Result:
        surprise = place - self.place
        gain = self._covariance[:, 0] / (self._covariance[0, 0] + JITTER**2)
        self.place = self.place + gain[0] * surprise
        self._speed = self._speed + gain[1] * surprise[:2]
        self._covariance = self._covariance - np.outer(gain, self._covariance[0])
        self.seen, self.seen_s = self.seen + 1, time_s
        single = result.prediction
        man = min(max(single.scores[1], 1 - SUREST_SCORE), SUREST_SCORE)
        self.log_odds += (log(man / (1 - man)) - self.log_odds) / self.seen
        prediction = _prediction(self.log_odds, single.min_confidence)
        reach = HYSTERESIS + EARLY_HYSTERESIS / self.seen**0.5
        if self.seen == 1 or _clearly_not(self.label, self.log_odds, single.min_confidence, reach):
            self.label = prediction.label
        sighting = Sighting(self.number, self.seen, self.seen >= seen_to_count, single.scores)
        return replace(result, prediction=replace(prediction, steady=self.label), sighting=sighting)


def _prediction(log_odds: float, min_confidence: float) -> Prediction:
    man = 1 / (1 + exp(-log_odds))
    return Prediction((1 - man, man), min_confidence)


def _clearly_not(label: str, log_odds: float, min_confidence: float, reach: float) -> bool:
    """The label would not be given even with the log-odds moved so far towards it."""
    if label == UNCERTAIN:
        moved = copysign(max(abs(log_odds) - reach, 0.0), log_odds)
    else:
        moved = log_odds + (reach if label == LABELS[1] else -reach)
    return _prediction(moved, min_confidence).label != label


def _place(box: Box, size: tuple[int, int]) -> tuple[float, ...]:
    """Centre and size of a box in shares of the frame's width and height."""
    (x, y), (width, height) = box.centre, size
    return x / width, y / height, box.width / width, box.height / height


def overlaps(first: Floats, second: Floats) -> Floats:
    """Intersection over union, (n, m), of boxes with a rim, (n, 4) and (m, 4) of centre, size."""
    first, second = first[:, None] * 1.0, second[None] * 1.0
    sizes = first[..., 2:] * (1 + 2 * RIM), second[..., 2:] * (1 + 2 * RIM)
    apart = abs(first[..., :2] - second[..., :2])
    sides = np.minimum(np.minimum(*sizes), (sizes[0] + sizes[1]) / 2 - apart).clip(0)
    both = sides.prod(-1)
    shares: Floats = both / (sizes[0].prod(-1) + sizes[1].prod(-1) - both)
    return shares


def assign(cost: Floats) -> list[tuple[int, int]]:
    """The one-to-one pairs of rows and columns of least total cost, min(n, m) of them.

    Kuhn's Hungarian method (1955) as shortest augmenting paths (Jonker and Volgenant 1987).

    Args:
        cost: (n, m), finite.
    """
    if cost.shape[0] > cost.shape[1]:
        return sorted((row, column) for column, row in assign(cost.T))
    rows, columns = cost.shape
    row_price, column_price = np.zeros(rows), np.zeros(columns)
    owner = np.full(columns, -1)
    for start in range(rows):
        length = np.full(columns, np.inf)
        before = np.full(columns, -1)
        done = np.zeros(columns, bool)
        row, column, reached = start, -1, 0.0
        while row >= 0:
            through = reached + cost[row] - row_price[row] - column_price
            shorter = ~done & (through < length)
            length[shorter], before[shorter] = through[shorter], column
            column = int(np.where(done, np.inf, length).argmin())
            reached, row = float(length[column]), int(owner[column])
            done[column] = True
        passed = done & (owner >= 0)
        row_price[owner[passed]] += reached - length[passed]
        row_price[start] += reached
        column_price[done] += length[done] - reached
        while column >= 0:
            previous = int(before[column])
            owner[column] = owner[previous] if previous >= 0 else start
            column = previous
    return sorted((int(owner[column]), int(column)) for column in np.flatnonzero(owner >= 0))
