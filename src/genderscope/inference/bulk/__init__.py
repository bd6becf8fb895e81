"""Bulk classification: threads read pictures and locate their faces while one network classifies
them, in order and in bounded memory.
"""

import os
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import cache
from math import ceil
from pathlib import Path

import cv2

from genderscope import detection
from genderscope.core.errors import PictureError
from genderscope.core.parallel import Budget, Work, ordered
from genderscope.core.protocols import Detector
from genderscope.core.results import Provenance
from genderscope.core.storage import checksum
from genderscope.core.types import Frame, Orientation, Scene
from genderscope.detection.ignored import ignoring
from genderscope.detection.views import moved
from genderscope.imaging import decode
from genderscope.imaging.decode import Encoded
from genderscope.imaging.limits import Limits
from genderscope.imaging.preprocess import PreprocessSpec, window
from genderscope.inference import classifier
from genderscope.inference.bulk.resuming import Run
from genderscope.inference.classifier import Classifier
from genderscope.inference.locate import LocatedFaces, failed, locate
from genderscope.inference.pipeline import Pipeline

REDUCED_PX = 1280  # least longer side of a JPEG that is decoded at a reduced size
REDUCTIONS = (2, 4, 8)
# Threads share the memory of one picture of the largest size, or have one such part of it each.
SHARE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How pictures are classified: see ``genderscope.load`` and ``detection.create``. Without
    ``keep_pictures`` scenes hold only the pictures' sizes, and a large JPEG is decoded no larger
    than its faces need.
    """

    model: str = "mini_xception"
    detector: str | None = None
    detector_model: str | None = None
    detection_size: int = detection.DETECTION_SIZE_PX
    min_score: float = detection.MIN_SCORE
    min_face_px: int = detection.MIN_FACE_PX
    orientation: Orientation = "auto"
    min_confidence: float | None = None
    max_yaw: float | None = None
    crops_are_faces: bool = False
    limits: Limits = decode.LIMITS
    batch_size: int = 64
    provider: str = "cpu"
    ignore_region: Sequence[str] = ()
    keep_pictures: bool = False

    def scope(self) -> Pipeline:
        """The detector and the network, on one thread each; errors as in ``genderscope.load``."""
        network = Classifier.load(self.model, 1, self.provider)
        return Pipeline(network, self.create_detector(), self.min_confidence, self.max_yaw)

    def create_detector(self, reduction: int = 1) -> Detector:
        """A detector for pictures that are decoded at 1/``reduction``."""
        detector = detection.create(
            self.detector,
            model=Path(self.detector_model) if self.detector_model else None,
            detection_size=self.detection_size,
            min_score=self.min_score,
            min_face_px=ceil(self.min_face_px / reduction),
            orientation=self.orientation,
            threads=1,
            provider=self.provider,
        )
        return ignoring(detector, self.ignore_region, reduction)

    def record(self, scope: Pipeline, provenance: Provenance, shards: int | None = None) -> Run:
        """Everything but the pictures that determines the results; ``provenance`` is the run's,
        with the fingerprint of any shards.
        """
        return Run(
            provenance=provenance,
            model=scope.classifier.name,
            model_sha256=checksum(classifier.find(self.model)),
            detector=scope.detector.name,
            detection_size=self.detection_size,
            min_score=self.min_score,
            min_face_px=self.min_face_px,
            orientation=self.orientation,
            min_confidence=scope.min_confidence,
            max_yaw=self.max_yaw,
            crops_are_faces=self.crops_are_faces,
            ignore_region=tuple(self.ignore_region),
            max_pixels=self.limits.max_pixels,
            shards=shards,
        )


class Reader:
    """Locates the faces of pictures, one at a time, with its own detectors; shares ``memory``, in
    bytes, with other readers.
    """

    def __init__(
        self, settings: Settings, spec: PreprocessSpec, memory: Budget | None = None
    ) -> None:
        self._settings, self._spec, self._memory = settings, spec, memory
        self._detector = cache(settings.create_detector)
        smallest_px = detection.smallest_px(self._detector(1))
        self._reductions = [
            reduction
            for reduction in REDUCTIONS
            if settings.min_face_px >= reduction * smallest_px and not settings.keep_pictures
        ]

    def __call__(self, picture: Encoded | Frame) -> LocatedFaces:
        """A picture's faces and their crops; the frame of an unreadable picture has the error."""
        if isinstance(picture, Frame):
            return LocatedFaces(picture)
        try:
            with Work(self._memory) as work:
                return self._locate(picture, work)
        except PictureError as error:
            return failed(picture, error)

    def _locate(self, picture: Encoded, work: Work) -> LocatedFaces:
        name, limits = picture.path, self._settings.limits
        source = picture.fetched()
        image, by = decode.read_reduced(
            source, limits, name=name, longest_px=REDUCED_PX, reductions=self._reductions, work=work
        )
        one_face = self._settings.crops_are_faces
        located = locate(Frame(name, image), self._detector(by), self._spec, one_face=one_face)
        if by > 1:
            size = self._spec.size
            small = any(abs(window(face, self._spec)[0]) < size for face in located.faces)
            faces = tuple(moved(face, by) for face in located.faces)
            located = replace(located, faces=faces)
            if small:
                whole, _ = decode.read_reduced(source, limits, name=name, work=work)
                located = replace(located, crops=located.recrop(self._spec, whole))
        if self._settings.keep_pictures:
            return located
        return replace(located, frame=located.frame.without_pixels(by))


def classify(
    pictures: Iterable[Encoded | Frame],
    settings: Settings,
    threads: int | None = None,
    scope: Pipeline | None = None,
) -> Generator[Scene]:
    """Scenes in the order of their pictures; errors as in ``Settings.scope``. ``threads``, by
    default one per core, read and locate; the caller's thread runs the network. ``scope`` is that
    of the settings, if already open.
    """
    scope = scope or settings.scope()
    spec = scope.classifier.spec
    threads = threads or os.cpu_count() or 1
    limit = settings.limits.max_memory * 2**20
    memory = Budget(max(limit, threads * limit // SHARE))
    opencv_threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # the parallelism is over pictures
    try:
        with closing(ordered(lambda: Reader(settings, spec, memory), pictures, threads)) as located:
            yield from scope.classify(located, settings.batch_size)
    finally:
        cv2.setNumThreads(opencv_threads)


def count(tally: Counter[str], scene: Scene) -> None:
    """Count a scene: ``pictures``, ``faces``, ``failed``, ``empty`` and each label."""
    labels = [result.prediction.label for result in scene.results]
    count_labels(tally, None if scene.frame.error is not None else labels)
    tally.update(asdict(scene.left_out))


def count_labels(tally: Counter[str], labels: list[str] | None) -> None:
    """Count a picture by the labels of its faces; None if it failed."""
    tally["pictures"] += 1
    tally["failed"] += labels is None
    tally["empty"] += labels == []
    tally["faces"] += len(labels or ())
    tally.update(labels or ())
