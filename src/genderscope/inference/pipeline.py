"""Locate faces and classify them, as one generator.

Faces of several pictures go through the network together; scenes keep the order of their frames.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from genderscope.core.arguments import number
from genderscope.core.protocols import Detector
from genderscope.core.types import UNCERTAIN, Face, Frame, Prediction, Result, Scene
from genderscope.inference import locate
from genderscope.inference.classifier import Classifier
from genderscope.inference.locate import LocatedFaces

# Limit of decoded pictures that wait for a full batch: about seven photographs of 12 megapixels.
WAITING_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Rule:
    """When a label is ``uncertain``: below ``min_confidence``, or if the face is turned to the side
    by more than ``max_yaw`` degrees.
    """

    min_confidence: float
    max_yaw: float | None = None

    def result(self, face: Face, scores: Sequence[float]) -> Result:
        """The result for a face and its two scores."""
        woman, man = scores
        turned = self.max_yaw is not None and abs(face.yaw_deg or 0.0) > self.max_yaw
        steady = UNCERTAIN if turned else None
        return Result(face, Prediction((woman, man), self.min_confidence, steady))


class Pipeline:
    """A detector and a classifier; for ``min_confidence`` and ``max_yaw`` see ``Rule``."""

    def __init__(
        self,
        classifier: Classifier,
        detector: Detector,
        min_confidence: float | None = None,
        max_yaw: float | None = None,
    ) -> None:
        if min_confidence is not None:
            min_confidence = number("min_confidence", min_confidence, 1)
        if max_yaw is not None:
            max_yaw = number("max_yaw", max_yaw, 90, " degrees")
        self.classifier, self.detector = classifier, detector
        default = classifier.min_confidence
        self.min_confidence = default if min_confidence is None else min_confidence
        self.rule = Rule(self.min_confidence, max_yaw)

    def stream(
        self, frames: Iterable[Frame], batch_size: int = 64, crops_are_faces: bool = False
    ) -> Iterator[Scene]:
        """Scenes in the order of their frames.

        At most ``batch_size`` pictures, and about 256 MB of them, wait for their batch to fill.

        Args:
            frames: one with an error becomes a scene without faces.
            batch_size: faces in one run of the network.
            crops_are_faces: each picture is the crop of one face: the detector only aligns it, and
                if it finds none the whole picture is the crop.
        """
        spec = self.classifier.spec
        located = locate.stream(frames, self.detector, spec, one_face=crops_are_faces)
        return self.classify(located, batch_size)

    def classify(self, located: Iterable[LocatedFaces], batch_size: int = 64) -> Iterator[Scene]:
        """Scenes of pictures whose faces are already located: see ``stream``."""
        waiting: list[LocatedFaces] = []
        faces = size = 0
        for picture in located:
            waiting.append(picture)
            faces += len(picture.faces)
            size += 0 if picture.frame.image is None else picture.frame.image.nbytes
            if max(faces, len(waiting)) >= batch_size or size >= WAITING_BYTES:
                yield from self._scenes(waiting, batch_size)
                waiting, faces, size = [], 0, 0
        yield from self._scenes(waiting, batch_size)

    def _scenes(self, waiting: list[LocatedFaces], batch_size: int) -> Iterator[Scene]:
        crops = [crop for picture in waiting for crop in picture.crops]
        scores = (
            pair
            for start in range(0, len(crops), batch_size)
            for pair in self.classifier(np.stack(crops[start : start + batch_size])).tolist()
        )
        for picture in waiting:
            results = tuple(self.rule.result(face, next(scores)) for face in picture.faces)
            yield Scene(picture.frame, results, picture.left_out)
