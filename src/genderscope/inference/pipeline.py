"""Locate faces and classify them, as one generator.

Faces of several pictures go through the network together; scenes keep the order of their frames.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from genderscope.core.errors import UsageError
from genderscope.core.protocols import Detector
from genderscope.core.types import UNCERTAIN, Face, Frame, Prediction, Result, Scene
from genderscope.inference import locate
from genderscope.inference.classifier import Classifier
from genderscope.inference.locate import LocatedFaces

# Decoded pictures that may wait for a full batch: about seven photographs of 12 megapixels.
WAITING_BYTES = 256 * 2**20


class Pipeline:
    """A detector and a classifier; a label is ``uncertain`` below ``min_confidence``, and where the
    face is turned to the side by more than ``max_yaw`` degrees.
    """

    def __init__(
        self,
        classifier: Classifier,
        detector: Detector,
        min_confidence: float | None = None,
        max_yaw: float | None = None,
    ) -> None:
        if min_confidence is not None and not 0 <= min_confidence <= 1:
            raise UsageError(f"min_confidence lies between 0 and 1, not {min_confidence}")
        self.classifier, self.max_yaw = classifier, max_yaw
        self.detector = detector
        own = classifier.min_confidence
        self.min_confidence = own if min_confidence is None else min_confidence

    def stream(
        self, frames: Iterable[Frame], batch_size: int = 64, crops_are_faces: bool = False
    ) -> Iterator[Scene]:
        """Scenes in the order of their frames.

        At most ``batch_size`` pictures, and about 256 MB of them, wait for their batch to fill.

        Args:
            frames: one with an error becomes a scene without faces.
            batch_size: faces in one run of the network.
            crops_are_faces: each picture is the crop of one face: the detector only aligns it, and
                where it finds none the whole picture is the crop.
        """
        spec = self.classifier.spec
        located = locate.stream(frames, self.detector, spec, one_face=crops_are_faces)
        return self.classify(located, batch_size)

    def classify(self, located: Iterable[LocatedFaces], batch_size: int = 64) -> Iterator[Scene]:
        """Scenes of pictures whose faces are located already: see ``stream``."""
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
            (woman, man)
            for start in range(0, len(crops), batch_size)
            for woman, man in self.classifier(np.stack(crops[start : start + batch_size])).tolist()
        )
        for picture in waiting:
            results = tuple(self._result(face, next(scores)) for face in picture.faces)
            yield Scene(picture.frame, results, picture.left_out)

    def _result(self, face: Face, scores: tuple[float, float]) -> Result:
        turned = self.max_yaw is not None and abs(face.yaw_deg or 0.0) > self.max_yaw
        return Result(face, Prediction(scores, self.min_confidence, UNCERTAIN if turned else None))
