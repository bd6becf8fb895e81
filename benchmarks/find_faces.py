"""Which faces are found: rotated, close-up, and in enlarged photographs.

    python -m benchmarks.find_faces FAIRFACE_DIR [--limit 500] [--detector-model FILE]

Faces of FairFace val are placed on a grey canvas of 240 pixels, rotated and mirrored; they are
enlarged to fill the picture; and photographs are enlarged. Upright faces are also measured on the
whole split, to detect small differences. Times are processor times on one thread. Writes
``results/find_faces.json``; ``python scripts/tables`` fills the tables from it.
"""

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import process_time

import cv2
import numpy as np

from benchmarks.results import AtAngle, Enlarged, FillingFace, FindFaces, provenance
from genderscope import detection
from genderscope.core.protocols import Detector
from genderscope.core.results import Estimate
from genderscope.core.types import UNCERTAIN, Box, Face, Image, Orientation, Prediction, Sample
from genderscope.detection import downloads
from genderscope.evaluation import samples
from genderscope.evaluation.benchmark import machine
from genderscope.evaluation.metrics import proportion
from genderscope.imaging import decode
from genderscope.imaging.preprocess import crop
from genderscope.inference.classifier import Classifier, shipped

ROOT = Path(__file__).parents[1]
CANVAS_PX, GREY = 240, (128, 128, 128)
MIDDLE = Box(90, 90, 60, 60)  # of the canvas, where the face is
ANGLES: dict[Orientation, tuple[int, ...]] = {
    "upright": (0, 15, 30, 45, 90, 180, 270),
    "auto": (0, 15, 30, 45, 90, 180, 270),
    "any": (0, 45, 135),
}
SIDES_PX = (320, 640, 2000, 3000, 4000)
TIMES = (1, 2, 4, 8)
REPEATS = 7
CLOSE = 60  # faces enlarged


@dataclass(frozen=True)
class Setup:
    """The inputs of the measurements, for every process."""

    samples: tuple[Sample, ...]
    model: str
    weights: Path | None

    def faces(self) -> Iterator[tuple[Image, int]]:
        return ((decode.read(sample.file), sample.label or 0) for sample in self.samples)

    def yunet(self, orientation: Orientation) -> Detector:
        return detection.create("yunet", model=self.weights, orientation=orientation)


def on_canvas(image: Image, degrees: int) -> Image:
    """A face in the middle of a grey canvas, rotated clockwise."""
    canvas = np.full((CANVAS_PX, CANVAS_PX, 3), GREY, np.uint8)
    top, left = ((CANVAS_PX - side) // 2 for side in image.shape[:2])
    canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
    middle = (CANVAS_PX - 1) / 2
    rotation = cv2.getRotationMatrix2D((middle, middle), -degrees, 1)
    size = (CANVAS_PX, CANVAS_PX)
    return cv2.warpAffine(canvas, rotation, size, borderValue=GREY).astype(np.uint8, copy=False)


def at_angle(setup: Setup, orientation: Orientation, degrees: int, haar: bool = False) -> AtAngle:
    detector = detection.create("haar") if haar else setup.yunet(orientation)
    network, crops, truth, spent = Classifier.load(setup.model, 1), [], [], 0.0
    for image, label in setup.faces():
        view = on_canvas(image, degrees)
        began = process_time()
        found = [face for face in detector(view) if face.box.iou(MIDDLE) > 0.1]
        spent += process_time() - began
        if found:
            crops.append(crop(view, found[0], network.spec))
            truth.append(label)
    right = int((network(np.stack(crops)).argmax(1) == truth).sum()) if crops else 0
    return AtAngle(
        detector=detector.name,
        orientation=orientation,
        degrees=degrees,
        found=proportion(len(crops), len(setup.samples)),
        accuracy=proportion(right, len(crops)),
        processor_ms=round(1e3 * spent / len(setup.samples), 2),
    )


def filling(setup: Setup, side_px: int) -> FillingFace:
    detector, n = setup.yunet("auto"), min(CLOSE, len(setup.samples))
    found = boxes = 0
    for image, _ in islice(setup.faces(), n):
        size = (side_px, side_px)
        large = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)
        faces = detector(large)
        found += any(face.box.width > 0.3 * side_px for face in faces)
        boxes += len(faces)
    return FillingFace(
        detector=detector.name,
        side_px=side_px,
        found=proportion(found, n),
        false_boxes=boxes - found,
    )


def enlarged(setup: Setup, file: Path) -> Enlarged:
    upright, auto = setup.yunet("upright"), setup.yunet("auto")
    image, counts = decode.read(file), {}
    for times in TIMES:
        size = (image.shape[1] * times, image.shape[0] * times)
        if size[0] * size[1] <= decode.LIMITS.max_pixels:
            large = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
            counts[str(times)] = len(auto(large.astype(np.uint8, copy=False)))
    ratios = []
    for _ in range(REPEATS):
        spent = []
        for detector in (upright, auto):
            began = process_time()
            detector(image)
            spent.append(process_time() - began)
        ratios.append(spent[1] / spent[0])
    return Enlarged(
        detector=upright.name,
        picture=file.name,
        faces=counts,
        auto_to_upright_time=round(median(ratios), 3),
    )


def mirrored(setup: Setup) -> dict[str, Estimate]:
    """By model, the share of faces found in both pictures whose answers are opposite labels."""
    detector = setup.yunet("auto")
    pairs: list[tuple[tuple[Image, Face], ...]] = []
    for image, _ in setup.faces():
        view = on_canvas(image, 0)
        views = (view, np.ascontiguousarray(view[:, ::-1]))
        found = [detector(view) for view in views]
        if all(found):
            pairs.append(tuple((view, faces[0]) for view, faces in zip(views, found, strict=True)))
    return {name: _opposite(pairs, Classifier.load(name, 1)) for name in shipped()}


def _opposite(pairs: list[tuple[tuple[Image, Face], ...]], network: Classifier) -> Estimate:
    crops = np.stack([crop(view, face, network.spec) for pair in pairs for view, face in pair])
    scores = network(crops).tolist()
    answers = [Prediction((woman, man), network.min_confidence).label for woman, man in scores]
    both = list(zip(answers[::2], answers[1::2], strict=True))
    return proportion(sum(a != b and UNCERTAIN not in (a, b) for a, b in both), len(both))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("fairface", type=Path)
    options.add_argument("--photographs", type=Path, default=ROOT.parent / "shared/data/photos")
    options.add_argument("--limit", type=int, default=500)
    options.add_argument("--detector-model", type=Path, default=downloads.find("yunet"))
    options.add_argument("--model", default="mini_xception")
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--json", type=Path, default=ROOT / "results/find_faces.json")
    arguments = options.parse_args()
    photographs = sorted(arguments.photographs.glob("*.jpg"))
    if not photographs:
        options.error(f"{arguments.photographs} has no .jpg; name a folder with --photographs")
    source = f"fairface:{arguments.fairface}"
    read = samples.read(source, "val", limit=arguments.limit)
    setup = Setup(tuple(read.samples), arguments.model, arguments.detector_model)
    whole = replace(setup, samples=tuple(samples.read(source, "val").samples))
    spawn = get_context("spawn")  # a network's threads do not survive a fork
    with ProcessPoolExecutor(arguments.jobs, spawn, cv2.setNumThreads, (1,)) as pool:
        close = [pool.submit(filling, setup, side) for side in SIDES_PX]
        larger = [pool.submit(enlarged, setup, file) for file in photographs]
        opposite = pool.submit(mirrored, setup)
        angles = [
            *(
                pool.submit(at_angle, setup, orientation, degrees)
                for orientation, angles in ANGLES.items()
                for degrees in angles
            ),
            *(pool.submit(at_angle, setup, "upright", degrees, True) for degrees in (0, 15)),
            *(pool.submit(at_angle, whole, orientation, 0) for orientation in ("upright", "auto")),
        ]
        result = FindFaces(
            provenance=provenance("find_faces", fingerprint=read.fingerprint),
            machine=machine.describe(),
            model=arguments.model,
            angles=tuple(future.result() for future in angles),
            filling=tuple(future.result() for future in close),
            enlarged=tuple(future.result() for future in larger),
            opposite_when_mirrored=opposite.result(),
        )
    result.save(arguments.json, overwrite=True)


if __name__ == "__main__":
    main()
