"""Tracking: links the faces of successive frames and gives each track one stable label.

Faces are linked by position and motion alone: a Kalman filter predicts each box (Kalman 1960), and
an optimal assignment matches detections to predictions (SORT: Bewley et al. 2016). Faces are never
compared by appearance, so a person who is away for longer than ``max_age_s`` gets a new track.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import copysign, exp, floor, log

import numpy as np

from genderscope.core.extras import require
from genderscope.core.types import (
    LABELS,
    UNCERTAIN,
    Box,
    Face,
    Floats,
    Prediction,
    Result,
    TrackState,
)

# The noise of box centres and the acceleration of heads, both in units of the face's size.
JITTER = 0.05
ACCELERATION_PER_S2 = 4.0
INITIAL_SPEED_PER_S = 1.0
# Boxes are padded by this share of their size before they are compared: at a low frame rate a
# moving face may not overlap itself (C-BIoU: Yang et al. 2023).
PADDING = 0.5
MIN_IOU, NO_MATCH = 0.15, 1e6
# Of two overlapping faces, the one seen in the previous frame is probably in front.
HIDDEN_COST = 0.2
MAX_SCORE = 0.999  # scores are clipped to this, so that no single frame dominates the mean
# A label changes once the mean log-odds pass the threshold by this margin, which is larger while
# the mean covers few frames.
HYSTERESIS, EARLY_HYSTERESIS = 0.2, 1.5
# How long a hidden face keeps its track, and the frames after which a track is confirmed, that is,
# not a false detection.
MAX_AGE_S, MIN_HITS = 1.0, 3
# Successive frames say almost the same about a face, so a confirmed track is scored once in each
# interval of ``SCORE_S``, however irregular the frames are. The intervals of the next track are
# offset by the golden ratio, which spreads any number of tracks evenly over the frames.
SCORE_S, OFFSET = 0.1, 0.618


class Tracker:
    """Links faces across frames; see ``match``. A face hidden for up to ``max_age_s`` keeps its
    track. ``MissingExtra`` without SciPy.
    """

    def __init__(self, max_age_s: float = MAX_AGE_S) -> None:
        self.max_age_s = max_age_s
        self._assign = require("scipy.optimize", "video").linear_sum_assignment
        self._tracks: list[Track] = []
        self._last = 0
        self._time_s: float | None = None

    def update(
        self, results: Sequence[Result], time_s: float, size: tuple[int, int]
    ) -> tuple[Result, ...]:
        """``match`` one frame's faces and ``Track.add`` their results."""
        tracks = self.match([result.face for result in results], time_s, size)
        return tuple(map(Track.add, tracks, results))

    def match(self, faces: Sequence[Face], time_s: float, size: tuple[int, int]) -> list["Track"]:
        """The track of each face of a frame. Frames may have been dropped since the last one, and
        the size (width and height in pixels) may change within a stream.
        """
        before_s, self._time_s = self._time_s, time_s
        elapsed_s = 0.0 if before_s is None else max(time_s - before_s, 0.0)
        self._tracks = [t for t in self._tracks if time_s - t.seen_s <= self.max_age_s]
        for track in self._tracks:
            track.predict(elapsed_s)
        boxes = np.array([_relative(face.box, size) for face in faces]).reshape(-1, 4)
        matches = self._match(boxes, before_s)
        for row, box in enumerate(boxes):
            if row not in matches:
                self._last += 1
                matches[row] = Track(self._last, box)
                self._tracks.append(matches[row])
            matches[row].move(box, time_s)
        return [matches[row] for row in range(len(faces))]

    def _match(self, boxes: Floats, before_s: float | None) -> dict[int, "Track"]:
        """The tracks of the matched boxes, by row."""
        predicted = np.array([track.box for track in self._tracks]).reshape(-1, 4)
        overlap = padded_iou(boxes, predicted)
        hidden = np.array([track.seen_s != before_s for track in self._tracks], bool)
        # A pair that is too far apart costs more than all other pairs together.
        cost = np.where(overlap < MIN_IOU, NO_MATCH, 1 - overlap + HIDDEN_COST * hidden)
        pairs = zip(*self._assign(cost), strict=True)
        return {row: self._tracks[column] for row, column in pairs if cost[row, column] < NO_MATCH}

    def hidden(self, size: tuple[int, int]) -> list[Box]:
        """Predicted boxes of the tracks without a detection in the last frame."""
        return [track.box for track in self.predicted(self._time_s or 0, size) if not track.visible]

    def predicted(self, time_s: float, size: tuple[int, int]) -> list["PredictedTrack"]:
        """The tracks seen within ``max_age_s`` of a time, with their predicted boxes then."""
        elapsed_s = time_s - (self._time_s or 0)
        predicted = []
        for track in self._tracks:
            if time_s - track.seen_s <= self.max_age_s:
                x, y, width, height = (track.at(elapsed_s) * [*size, *size]).tolist()
                box = Box(x - width / 2, y - height / 2, width, height)
                predicted.append(PredictedTrack(track.number, box, track.seen_s == self._time_s))
        return predicted


@dataclass(frozen=True, slots=True)
class PredictedTrack:
    """A track's predicted box; ``visible`` if its face was detected in the last frame."""

    number: int
    box: Box
    visible: bool


class Track:
    """One face over time: centre and size relative to the frame, the speed of the centre, and the
    mean of its scores. ``scores`` are the last ones.
    """

    def __init__(self, number: int, box: Floats) -> None:
        self.number, self.box = number, box
        self.frames, self.seen_s, self.log_odds, self.label = 0, 0.0, 0.0, UNCERTAIN
        self.scores = (0.5, 0.5)
        self._scored = 0  # frames in the mean
        self._decided = False  # the last frame is in the mean
        self._interval = 0  # the latest in which it was scored
        self._speed = np.zeros(2)
        # Of position and speed in units of the face's size, so it is the same for all coordinates.
        self._covariance = np.diag([JITTER**2, INITIAL_SPEED_PER_S**2])

    def at(self, elapsed_s: float) -> Floats:
        """The box after some time."""
        box: Floats = self.box + np.append(self._speed * elapsed_s, (0, 0))
        return box

    def predict(self, elapsed_s: float) -> None:
        step = np.array([[1, elapsed_s], [0, 1]])
        noise = np.array([elapsed_s**2 / 2, elapsed_s]) * ACCELERATION_PER_S2
        self.box = self.at(elapsed_s)
        self._covariance = step @ self._covariance @ step.T + np.outer(noise, noise)

    def move(self, box: Floats, time_s: float) -> None:
        """Correct the box by one that was detected."""
        residual = box - self.box
        gain = self._covariance[:, 0] / (self._covariance[0, 0] + JITTER**2)
        self.box = self.box + gain[0] * residual
        self._speed = self._speed + gain[1] * residual[:2]
        self._covariance = self._covariance - np.outer(gain, self._covariance[0])
        self.frames, self.seen_s = self.frames + 1, time_s

    @property
    def due(self) -> bool:
        """Whether its face needs new scores in this frame: once in ``SCORE_S``, and always if it is
        new or was not in the mean in the last frame.
        """
        new = self.frames <= MIN_HITS or not self._decided
        return new or self._interval != self._present()

    def _present(self) -> int:
        return floor(self.seen_s / SCORE_S + self.number * OFFSET)

    def add(self, result: Result) -> Result:
        """Add this frame's result, and return it with the state of the track. Its prediction is the
        track's: the mean log-odds over its frames, and a label with hysteresis. A frame whose
        scores do not decide its label, as for a face turned to the side, is not in the mean.
        """
        single = result.prediction
        self.scores, self._decided = single.scores, single.steady is None
        self._interval = self._present()
        if self._decided:
            self._scored += 1
            man = min(max(single.scores[1], 1 - MAX_SCORE), MAX_SCORE)
            self.log_odds += (log(man / (1 - man)) - self.log_odds) / self._scored
        mean = _prediction(self.log_odds, single.min_confidence)
        margin = HYSTERESIS + EARLY_HYSTERESIS / max(self._scored, 1) ** 0.5
        if self._scored == 1 or _changes(self.label, self.log_odds, single.min_confidence, margin):
            self.label = mean.label if self._scored else UNCERTAIN
        state = TrackState(self.number, self.frames, self.frames >= MIN_HITS, single.scores)
        return replace(result, prediction=replace(mean, steady=self.label), track=state)


def _prediction(log_odds: float, min_confidence: float) -> Prediction:
    man = 1 / (1 + exp(-log_odds))
    return Prediction((1 - man, man), min_confidence)


def _changes(label: str, log_odds: float, min_confidence: float, margin: float) -> bool:
    """Whether the label changes even if the log-odds move towards it by a margin."""
    if label == UNCERTAIN:
        moved = copysign(max(abs(log_odds) - margin, 0.0), log_odds)
    else:
        moved = log_odds + (margin if label == LABELS[1] else -margin)
    return _prediction(moved, min_confidence).label != label


def _relative(box: Box, size: tuple[int, int]) -> tuple[float, ...]:
    """Centre and size of a box as shares of the frame's width and height."""
    (x, y), (width, height) = box.centre, size
    return x / width, y / height, box.width / width, box.height / height


def padded_iou(first: Floats, second: Floats) -> Floats:
    """IoU, (n, m), of padded boxes given as centre and size, (n, 4) and (m, 4)."""
    first, second = first[:, None] * 1.0, second[None] * 1.0
    sizes = first[..., 2:] * (1 + 2 * PADDING), second[..., 2:] * (1 + 2 * PADDING)
    distance = abs(first[..., :2] - second[..., :2])
    sides = np.minimum(np.minimum(*sizes), (sizes[0] + sizes[1]) / 2 - distance).clip(0)
    intersection = sides.prod(-1)
    iou: Floats = intersection / (sizes[0].prod(-1) + sizes[1].prod(-1) - intersection)
    return iou
