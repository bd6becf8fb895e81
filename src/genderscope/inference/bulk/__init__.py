"""Pictures by the million: threads read, search and cut them while one network answers, in order
and in bounded memory.

Knows nothing of where pictures lie or where results go.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from genderscope import __version__, detection
from genderscope.core.errors import PictureError
from genderscope.core.parallel import ordered
from genderscope.core.protocols import Detector
from genderscope.core.types import Frame, Scene
from genderscope.imaging import decode
from genderscope.imaging.decode import Encoded
from genderscope.imaging.preprocess import PreprocessSpec, window
from genderscope.inference import classifier
from genderscope.inference.classifier import Classifier
from genderscope.inference.locate import LocatedFaces, failed, locate
from genderscope.inference.pipeline import Scope

# A JPEG is not decoded smaller than this, however large the faces that are looked for.
SKETCH_PX = 1280
REDUCTIONS = (2, 4, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How pictures are classified: see ``pipeline.load`` and ``detectors.create``.

    Attributes:
        keep_pictures: scenes hold the decoded pictures; else only a black one of the same size,
            which takes no memory, and a large JPEG is decoded no larger than its faces need.
    """

    model: str = "mini_xception"
    detector: str | None = None
    detector_model: str | None = None
    detection_size: int = detection.DETECTION_SIZE_PX
    min_score: float = detection.MIN_SCORE
    min_face_px: int = detection.MIN_FACE_PX
    min_confidence: float | None = None
    crops_are_faces: bool = False
    max_pixels: int = decode.MAX_PIXELS
    batch_size: int = 64
    provider: str = "cpu"
    keep_pictures: bool = False

    def scope(self) -> Scope:
        """The detector and the network, on one thread each.

        Raises:
            ModelError, UsageError: see ``pipeline.load``.
        """
        network = Classifier.load(self.model, 1, self.provider)
        return Scope(network, self.finder(), self.min_confidence)

    def finder(self, reduction: int = 1) -> Detector:
        """A detector for pictures that were decoded smaller than they are."""
        return detection.create(
            self.detector,
            model=Path(self.detector_model) if self.detector_model else None,
            detection_size=self.detection_size,
            min_score=self.min_score,
            min_face_px=ceil(self.min_face_px / reduction),
            threads=1,
            provider=self.provider,
        )

    def record(self, scope: Scope) -> dict[str, Any]:
        """What decides the results besides the pictures, as plain values for JSON."""
        values = asdict(self) | {
            "version": __version__,
            "model": scope.classifier.name,
            "model_sha256": hashlib.sha256(classifier.find(self.model).read_bytes()).hexdigest(),
            "detector": scope.detector.name,
            "min_confidence": scope.min_confidence,
        }
        for name in ("batch_size", "provider", "detector_model", "keep_pictures"):
            del values[name]
        return values


class Reader:
    """Reads, searches and cuts one picture after another, with detectors of its own."""

    def __init__(self, settings: Settings, spec: PreprocessSpec) -> None:
        self._settings, self._spec = settings, spec
        self._finder = cache(settings.finder)
        smallest_px = detection.smallest_px(self._finder(1))
        self._reductions = [
            by
            for by in REDUCTIONS
            if settings.min_face_px >= by * smallest_px and not settings.keep_pictures
        ]

    def __call__(self, picture: Encoded | Frame) -> LocatedFaces:
        """A picture's faces and their crops; a picture that cannot be read is a frame's error."""
        if isinstance(picture, Frame):
            return LocatedFaces(picture)
        try:
            return self._locate(picture)
        except PictureError as error:
            return failed(picture, error)

    def _locate(self, picture: Encoded) -> LocatedFaces:
        name, limit = picture.name, self._settings.max_pixels
        source = picture.source() if callable(picture.source) else picture.source
        image, by = decode.sketch(
            source, limit, name=name, longest_px=SKETCH_PX, reductions=self._reductions
        )
        one_face = self._settings.crops_are_faces
        located = locate(Frame(name, image), self._finder(by), self._spec, one_face=one_face)
        if by > 1:
            small = any(
                abs(window(face, self._spec)[0]) < self._spec.size for face in located.faces
            )
            faces = tuple(detection.moved(face, 1 / by) for face in located.faces)
            located = replace(located, faces=faces)
            if small:
                whole = decode.read(source, limit, name=name)
                located = replace(located, crops=located.recrop(self._spec, whole))
        if not self._settings.keep_pictures:
            shape = (image.shape[0] * by, image.shape[1] * by, 3)
            image = np.broadcast_to(np.zeros(1, np.uint8), shape)
        return replace(located, frame=Frame(name, image))


def classify(
    pictures: Iterable[Encoded | Frame],
    settings: Settings,
    threads: int | None = None,
    scope: Scope | None = None,
) -> Generator[Scene]:
    """Scenes in the order of their pictures.

    Args:
        threads: that read, search and cut, beside the one that asks for the scenes and runs the
            network; by default as many as there are cores.
        scope: that of the settings, where it is there already.

    Raises:
        ModelError, UsageError: see ``Settings.scope``.
    """
    scope = scope or settings.scope()
    spec = scope.classifier.spec
    opencv_threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # pictures run in parallel; the steps of one do not
    try:
        with closing(
            ordered(lambda: Reader(settings, spec), pictures, threads or os.cpu_count() or 1)
        ) as located:
            yield from scope.classify(located, settings.batch_size)
    finally:
        cv2.setNumThreads(opencv_threads)


def name(picture: Encoded | Frame) -> str:
    """What results call a picture."""
    return picture.path if isinstance(picture, Frame) else picture.name


def count(tally: Counter[str], scene: Scene) -> None:
    """Add a scene to what is counted: ``pictures``, ``faces``, ``failed`` and ``empty`` pictures,
    and each label.
    """
    tally["pictures"] += 1
    tally["faces"] += len(scene.results)
    tally["failed"] += scene.frame.error is not None
    tally["empty"] += scene.frame.error is None and not scene.results
    tally.update(result.prediction.label for result in scene.results)
