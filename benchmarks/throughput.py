"""Pictures per second to decode, detect, crop and classify: sequential use, and ours.

    python -m benchmarks.throughput [--pictures DIR] [--repeats 60] [--rounds 5]

Sequential use reads one picture after another, searches it at full size with OpenCV's YuNet, and
classifies one face per run, with every library's default threads. A second row does the same with
this package's detector. Ours is what ``classify`` does on folders. The ways take turns, round after
round, on copies of one photograph of 1280 x 720 pixels (``12_angry_men.jpg``). Also measures the
stages of ours on one thread, and which faces of the photographs are found at full size and at
smaller ones. Writes ``results/throughput.json``.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time, thread_time

import cv2
import numpy as np

from benchmarks.results import (
    Bound,
    ClassifierShare,
    Photograph,
    StageTimes,
    Throughput,
    Way,
    provenance,
)
from genderscope import detection
from genderscope.core.types import Box, Face, Floats, Image
from genderscope.detection import downloads
from genderscope.detection.detectors import yunet
from genderscope.detection.views import SAME_FACE_IOU, moved
from genderscope.evaluation.benchmark import machine
from genderscope.imaging import decode
from genderscope.imaging.decode import Encoded
from genderscope.imaging.preprocess import crop
from genderscope.inference import bulk
from genderscope.inference.bulk import Settings
from genderscope.inference.classifier import Classifier

ROOT = Path(__file__).parents[1]
PHOTOGRAPH = "12_angry_men.jpg"
FULL_SIZE_PX = 100_000  # larger than any picture, so none is scaled down


def opencv(weights: Path) -> Callable[[Image], list[Face]]:
    """OpenCV's YuNet, used as in its documentation."""
    network = cv2.FaceDetectorYN.create(str(weights), "", (320, 320), 0.6, 0.3, 5000)

    def find(image: Image) -> list[Face]:
        network.setInputSize(image.shape[1::-1])
        rows = network.detect(image)[1]
        return [
            Face(Box(*row[:4]), row[14], tuple(zip(row[4:14:2], row[5:14:2], strict=True)))
            for row in ([] if rows is None else rows.tolist())
        ]

    return find


def full_size(weights: Path) -> Callable[[Image], list[Face]]:
    """This package's YuNet at the picture's full size."""
    return yunet.create(weights, FULL_SIZE_PX, detection.MIN_SCORE, yunet.SMALLEST_PX, threads=0)


def sequential(files: list[Path], find: Callable[[Image], list[Face]], network: Classifier) -> int:
    faces = 0
    for file in files:
        image = cv2.imread(str(file))
        for face in find(image):
            network(crop(image, face, network.spec)[None])
            faces += 1
    return faces


def ours(files: list[Path], settings: Settings, threads: int) -> int:
    pictures = (Encoded(str(file), file) for file in files)
    return sum(len(scene.results) for scene in bulk.classify(pictures, settings, threads))


def classifier_share(files: list[Path], settings: Settings, threads: int) -> float:
    """The classifier's share of the processor time of ours."""
    scope = settings.scope()
    network, spent = scope.classifier, 0.0

    class Timed:
        spec = network.spec

        def __call__(self, crops: Image) -> Floats:
            nonlocal spent
            began = thread_time()
            scores = network(crops)
            spent += thread_time() - began
            return scores

    scope.classifier = Timed()  # type: ignore[assignment]
    pictures = (Encoded(str(file), file) for file in files)
    began = process_time()
    for _ in bulk.classify(pictures, settings, threads, scope):
        pass
    return spent / (process_time() - began)


def stages(file: Path, settings: Settings, repeats: int) -> StageTimes:
    """Median milliseconds per picture and share of each stage, on one thread."""
    network, detector = Classifier.load(settings.model, 1), settings.create_detector()
    cv2.setNumThreads(1)
    laps: list[list[float]] = []
    for _ in range(repeats):
        clock = [perf_counter()]
        image = decode.read(file)
        clock.append(perf_counter())
        faces = detector(image)
        clock.append(perf_counter())
        crops = np.stack([crop(image, face, network.spec) for face in faces])
        clock.append(perf_counter())
        network(crops)
        clock.append(perf_counter())
        laps.append(np.diff(clock).tolist())
    names = ("read", "detect", "crop", "classify")
    medians = np.median(laps, 0).tolist()
    ms = {name: round(1e3 * seconds, 3) for name, seconds in zip(names, medians, strict=True)}
    total = sum(ms.values())
    return StageTimes(
        faces=len(faces),
        repeats=repeats,
        ms=ms,
        share={name: round(value / total, 4) for name, value in ms.items()},
    )


def recall(pictures: list[Path], weights: Path) -> tuple[Photograph, ...]:
    """Faces of each photograph at full size, and those lost at each smaller size."""
    photographs = []
    for file in pictures:
        image = decode.read(file)
        expected = full_size(weights)(image)
        bounded = {
            "default": detection.create("yunet", model=weights, orientation="auto")(image),
            **{str(px): shrunk(image, px, weights) for px in (960, 640, 480, 320)},
        }
        photographs.append(
            Photograph(
                picture=file.name,
                size=f"{image.shape[1]} x {image.shape[0]}",
                faces_at_full_size=len(expected),
                bounds={
                    name: Bound(
                        faces=len(faces),
                        lost=tuple(
                            (round(b.x), round(b.y), round(b.width), round(b.height))
                            for b in (face.box for face in expected)
                            if all(b.iou(other.box) < SAME_FACE_IOU for other in faces)
                        ),
                    )
                    for name, faces in bounded.items()
                },
            )
        )
    return tuple(photographs)


def shrunk(image: Image, longest_px: int, weights: Path) -> list[Face]:
    """Faces of a picture scaled down to ``longest_px``, in one search."""
    scale = min(longest_px / max(image.shape[:2]), 1.0)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return [moved(face, 1 / scale) for face in full_size(weights)(small)]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pictures", type=Path, default=ROOT.parent / "shared/data/photos")
    options.add_argument("--detector-model", type=Path, help="YuNet's weights")
    options.add_argument("--model", default="mini_xception")
    options.add_argument("--repeats", type=int, default=60, help="pictures per way and round")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--out", type=Path, default=ROOT / "results/throughput.json")
    arguments = options.parse_args()
    weights = arguments.detector_model or downloads.find("yunet")
    if weights is None:
        options.error("run 'genderscope models pull yunet' first, or give --detector-model")
    if not (photograph := arguments.pictures / PHOTOGRAPH).is_file():
        options.error(f"{photograph} is not there; name its folder with --pictures")
    settings = Settings(model=arguments.model, detector="yunet", detector_model=str(weights))
    default = Classifier.load(arguments.model)
    cores = os.cpu_count() or 1
    opencv_threads = cv2.getNumThreads()
    described = machine.describe()  # now, for the load before the benchmark
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, f"{number:05d}.jpg") for number in range(arguments.repeats)]
        for file in files:
            file.symlink_to(photograph.absolute())
        ways: dict[str, Callable[[], int]] = {
            "sequential, OpenCV's YuNet": lambda: sequential(files, opencv(weights), default),
            "sequential, our YuNet": lambda: sequential(files, full_size(weights), default),
            "ours, 1 thread": lambda: ours(files, settings, 1),
            f"ours, {cores} threads": lambda: ours(files, settings, cores),
        }
        rates: dict[str, list[float]] = {name: [] for name in ways}
        faces = {}
        for _ in range(arguments.rounds):
            for name, way in ways.items():
                began = perf_counter()
                faces[name] = way()
                rates[name].append(arguments.repeats / (perf_counter() - began))
        shares = [classifier_share(files, settings, cores) for _ in range(arguments.rounds)]
        time = stages(files[0], settings, arguments.repeats)
        cv2.setNumThreads(opencv_threads)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    baseline = medians["sequential, OpenCV's YuNet"]
    Throughput(
        provenance=provenance("throughput"),
        machine=described,
        model=default.name,
        picture=PHOTOGRAPH,
        pictures_a_round=arguments.repeats,
        rounds=arguments.rounds,
        ways={
            name: Way(
                pictures_per_second=round(medians[name], 2),
                range=(round(min(values), 2), round(max(values), 2)),
                times_the_sequential=round(medians[name] / baseline, 2),
                faces_a_picture=faces[name] / arguments.repeats,
            )
            for name, values in rates.items()
        },
        classifier_share_of_processor_time=ClassifierShare(
            faces_a_picture=time.faces,
            median=round(statistics.median(shares), 4),
            range=(round(min(shares), 4), round(max(shares), 4)),
        ),
        stages_of_ours_on_one_thread=time,
        faces_found=recall(sorted(arguments.pictures.glob("*.jpg")), weights),
    ).save(arguments.out, overwrite=True)


if __name__ == "__main__":
    main()
