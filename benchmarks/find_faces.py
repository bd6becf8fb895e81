"""Which faces are found: turned, close, in enlarged photographs.

    python -m benchmarks.find_faces FAIRFACE_DIR [--faces 500] [--detector-model FILE]

Faces of FairFace val are laid on a grey canvas of 240 pixels and turned; enlarged until one fills
the picture; and photographs are enlarged. Ratios of time are of processor time on one thread.
Writes ``results/find_faces.json`` and its table ``results/find_faces.md``.
"""

import argparse
import shlex
import sys
from pathlib import Path
from statistics import median
from time import process_time

import cv2
import numpy as np

from benchmarks.results import AtAngle, Enlarged, FillingFace, FindFaces
from genderscope import detection
from genderscope.core.protocols import Detector
from genderscope.core.results import Estimate, Provenance, versions
from genderscope.core.types import UNCERTAIN, Box, Face, Image, Prediction
from genderscope.detection import downloads
from genderscope.evaluation import samples
from genderscope.evaluation.benchmark import machine
from genderscope.evaluation.metrics import proportion
from genderscope.imaging import decode
from genderscope.imaging.preprocess import crop
from genderscope.inference.classifier import Classifier
from genderscope.reporting.formatting import share
from genderscope.reporting.markdown import table

ROOT = Path(__file__).parents[1]
CANVAS_PX, GREY = 240, (128, 128, 128)
MIDDLE = Box(90, 90, 60, 60)  # of the canvas, where the face is
ANGLES = {
    "upright": (0, 15, 30, 45, 90, 180, 270),
    "auto": (0, 15, 30, 45, 90, 180, 270),
    "any": (0, 45, 135),
}
SIDES_PX = (320, 640, 2000, 3000, 4000)
TIMES = (1, 2, 4, 8)
REPEATS = 7


def on_canvas(image: Image, degrees: int) -> Image:
    """A face in the middle of a grey canvas, turned clockwise."""
    canvas = np.full((CANVAS_PX, CANVAS_PX, 3), GREY, np.uint8)
    top, left = ((CANVAS_PX - side) // 2 for side in image.shape[:2])
    canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
    middle = (CANVAS_PX - 1) / 2
    turn = cv2.getRotationMatrix2D((middle, middle), -degrees, 1)
    size = (CANVAS_PX, CANVAS_PX)
    return cv2.warpAffine(canvas, turn, size, borderValue=GREY).astype(np.uint8, copy=False)


def at_angle(
    faces: list[tuple[Image, int]],
    detector: Detector,
    orientation: str,
    degrees: int,
    of: Classifier,
) -> AtAngle:
    crops, truth, spent = [], [], 0.0
    for image, label in faces:
        view = on_canvas(image, degrees)
        began = process_time()
        found = [face for face in detector(view) if face.box.iou(MIDDLE) > 0.1]
        spent += process_time() - began
        if found:
            crops.append(crop(view, found[0], of.spec))
            truth.append(label)
    right = int((of(np.stack(crops)).argmax(1) == truth).sum()) if crops else 0
    return AtAngle(
        detector=detector.name,
        orientation=orientation,
        degrees=degrees,
        found=proportion(len(crops), len(faces)),
        accuracy=proportion(right, len(crops)),
        processor_ms=round(1e3 * spent / len(faces), 2),
    )


def filling(images: list[Image], detector: Detector, side_px: int) -> FillingFace:
    found = boxes = 0
    for image in images:
        size = (side_px, side_px)
        large = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)
        faces = detector(large)
        found += any(face.box.width > 0.3 * side_px for face in faces)
        boxes += len(faces)
    return FillingFace(
        detector=detector.name,
        side_px=side_px,
        found=proportion(found, len(images)),
        false_boxes=boxes - found,
    )


def enlarged(file: Path, upright: Detector, auto: Detector) -> Enlarged:
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


def mirrored(faces: list[tuple[Image, int]], detector: Detector, of: Classifier) -> Estimate:
    """The share of firm answers that become the opposite one; ``n`` are faces found in both."""
    opposite = n = 0
    for image, _ in faces:
        view = on_canvas(image, 0)
        views = (view, np.ascontiguousarray(view[:, ::-1]))
        found: list[list[Face]] = [detector(one) for one in views]
        if all(found):
            crops = [crop(one, each[0], of.spec) for one, each in zip(views, found, strict=True)]
            labels = {
                Prediction((woman, man), of.min_confidence).label
                for woman, man in of(np.stack(crops)).tolist()
            }
            n += 1
            opposite += len(labels) == 2 and UNCERTAIN not in labels
    return proportion(opposite, n)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("fairface", type=Path)
    options.add_argument("--photographs", type=Path, default=ROOT.parent / "shared/data/photos")
    options.add_argument("--faces", type=int, default=500)
    options.add_argument("--detector-model", type=Path, default=downloads.find("yunet"))
    options.add_argument("--model", default="mini_xception")
    options.add_argument("--json", type=Path, default=ROOT / "results/find_faces.json")
    arguments = options.parse_args()
    cv2.setNumThreads(1)
    read = samples.read(f"fairface:{arguments.fairface}", "val", limit=arguments.faces)
    faces = [(decode.read(one.file), one.label or 0) for one in read.samples]
    classifier = Classifier.load(arguments.model, 1)
    yunet = {
        name: detection.create("yunet", model=arguments.detector_model, orientation=name)
        for name in ANGLES
    }
    haar = detection.create("haar")
    close = [image for image, _ in faces[:60]]
    result = FindFaces(
        provenance=Provenance(
            command=shlex.join(["python", "-m", "benchmarks.find_faces", *sys.argv[1:]]),
            versions=versions(machine.LIBRARIES),
            fingerprint=read.fingerprint,
        ),
        machine=machine.describe(),
        model=classifier.name,
        angles=(
            *(
                at_angle(faces, yunet[name], name, degrees, classifier)
                for name, angles in ANGLES.items()
                for degrees in angles
            ),
            *(at_angle(faces, haar, "upright", degrees, classifier) for degrees in (0, 15)),
        ),
        filling=tuple(filling(close, yunet["auto"], side) for side in SIDES_PX),
        enlarged=tuple(
            enlarged(file, yunet["upright"], yunet["auto"])
            for file in sorted(arguments.photographs.glob("*.jpg"))
        ),
        opposite_when_mirrored=mirrored(faces, yunet["auto"], classifier),
    )
    result.save(arguments.json, overwrite=True)
    rows = [
        [
            *(one.detector, one.orientation, one.degrees, one.found.n),
            *(share(one.found), share(one.accuracy)),
        ]
        for one in result.angles
    ]
    head = ["detector", "orientation", "turned by", "n", "found %", "accuracy %"]
    arguments.json.with_suffix(".md").write_text(table(head, rows) + "\n")


if __name__ == "__main__":
    main()
