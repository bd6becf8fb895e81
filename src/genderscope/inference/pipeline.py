"""Locate faces and classify them, as one generator.

Faces of several pictures go through the network together; scenes keep the order of their frames.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from genderscope import detection as detectors
from genderscope.core.errors import UsageError
from genderscope.core.protocols import Detector
from genderscope.core.types import Frame, Image, Prediction, Result, Scene
from genderscope.imaging import decode
from genderscope.inference import locate
from genderscope.inference.classifier import Classifier
from genderscope.inference.locate import LocatedFaces

# Decoded pictures that may wait for a full batch: about seven photographs of 12 megapixels.
WAITING_BYTES = 256 * 2**20


class Scope:
    """A detector and a classifier (see ``load``); ``uncertain`` is below ``min_confidence``."""

    def __init__(
        self, classifier: Classifier, detector: Detector, min_confidence: float | None = None
    ) -> None:
        if min_confidence is not None and not 0 <= min_confidence <= 1:
            raise UsageError(f"min_confidence lies between 0 and 1, not {min_confidence}")
        self.classifier = classifier
        self.detector = detector
        self.min_confidence = (
            classifier.min_confidence if min_confidence is None else min_confidence
        )

    def __call__(self, image: Image | str | Path) -> list[Result]:
        """Every face of one picture, in the detector's order.

        Args:
            image: a file, or a decoded picture, (height, width, 3) uint8 BGR.

        Raises:
            PictureError: the file cannot be read, or a face lies outside the picture.
            UsageError: the array is no such picture.
        """
        if isinstance(image, str | Path):
            image = decode.read(Path(image))
        elif image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise UsageError(
                "a picture is a (height, width, 3) uint8 array in BGR order, "
                f"not {image.shape} {image.dtype}"
            )
        faces = locate.locate(Frame("", image), self.detector, self.classifier.spec)
        [scene] = self.classify([faces])
        return list(scene.results)

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
        predictions = (
            Prediction((woman, man), self.min_confidence)
            for start in range(0, len(crops), batch_size)
            for woman, man in self.classifier(np.stack(crops[start : start + batch_size])).tolist()
        )
        for picture in waiting:
            results = tuple(Result(face, next(predictions)) for face in picture.faces)
            yield Scene(picture.frame, results, picture.left_out)


def load(
    model: str | Path = "mini_xception",
    detector: str | None = None,
    detector_model: Path | None = None,
    min_confidence: float | None = None,
    *,
    threads: int | None = None,
    provider: str = "cpu",
    **detection: Any,
) -> Scope:
    """Open a model and a detector.

    Args:
        model: a shipped model's name or alias (``fast``, ``balanced``, ``accurate``), or the path
            of an exported one.
        detector: by default ``yunet`` where its weights are, else ``haar``.
        detector_model: the detector's weights.
        min_confidence: below it a label is ``uncertain``; by default the model's own.
        threads, provider: of the networks: see ``Classifier.open`` and ``sessions.create``; by
            default the classifier has as many threads as there are cores, and the detector one.
        detection: further options of ``detectors.create``.

    Raises:
        ModelError: a model is absent or broken.
        UsageError: no detector or provider has that name.
    """
    networks: dict[str, Any] = {"provider": provider}
    if threads is not None:
        networks["threads"] = threads
    return Scope(
        Classifier.load(model, **networks),
        detectors.create(detector, model=detector_model, **networks, **detection),
        min_confidence,
    )
