"""The measurements of ``speed_bars``, each in its own process, which may import another version of
this package: only names that all versions have are used here.

    python -m benchmarks.speed_cases CASE [ARGUMENT ...]

Prints one JSON object: numbers, and strings for results that must not change.
"""

import json
import sys
from inspect import signature
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import cv2
import numpy as np

import genderscope
from genderscope.core.types import Frame, Image
from genderscope.imaging import decode
from genderscope.imaging.decode import Encoded
from genderscope.inference import bulk
from genderscope.inference.bulk import Settings
from genderscope.inference.explainer import Explainer
from genderscope.video import Live

ASTRONAUT = Path(decode.__file__).parent / "samples" / "astronaut.jpg"
HEAD = slice(0, 300), slice(80, 380)  # of the astronaut, with hair and shoulders
WIDTH, HEIGHT, FRAMES_PER_S = 640, 480, 30
COLUMNS = {1: 1, 20: 5}
ENTERS = 22  # the frame in which a second face appears, just after a search of the whole frame


def classify(photograph: str, threads: str, pictures: str, switch_s: str = "0.005") -> Any:
    """Pictures per second of a bulk job, and its faces."""
    sys.setswitchinterval(float(switch_s))
    settings = Settings(detector="yunet")
    scope = settings.scope()
    path = Path(photograph)

    def run(number: int) -> list[Any]:
        copies = (Encoded(f"{n}", path) for n in range(number))
        return list(bulk.classify(copies, settings, int(threads), scope))

    run(8)
    began, worked = perf_counter(), process_time()
    scenes = run(int(pictures))
    wall_s, worked_s = perf_counter() - began, process_time() - worked
    boxes = sorted((round(r.face.box.x), round(r.face.box.y), r.label) for r in scenes[-1].results)
    return {
        "per_s": len(scenes) / wall_s,
        "processor_ms": 1e3 * worked_s / len(scenes),
        "faces": str(boxes),
    }


def video(faces: str, frames: str) -> Any:
    """Frames per second of live video, drawn on one thread, and each track's last label."""
    cv2.setNumThreads(1)
    scope = genderscope.load(detector="yunet", threads=1)
    clip = [frame(int(faces), number) for number in range(int(frames))]
    lives = {"default": Live(scope)}
    if "detect_every" in signature(Live).parameters:
        lives["whole"] = Live(scope, detect_every=1)
    numbers: dict[str, Any] = {}
    streams = {name: live.stream(clip) for name, live in lives.items()}
    spent: dict[str, list[float]] = {name: [] for name in lives}
    counts: dict[str, list[int]] = {name: [] for name in lives}
    for _ in clip:
        for name, stream in streams.items():
            began = perf_counter()
            scene = next(stream)
            spent[name].append(perf_counter() - began)
            counts[name].append(len(scene.results))
            tracks = sorted((r.track.number, r.label) for r in scene.results if r.track)
            numbers[f"{name} tracks"] = str(tracks)
    for name, seconds in spent.items():
        numbers[f"{name} per_s"] = 1 / float(np.mean(seconds[5:]))
        numbers[f"{name} counts"] = str(counts[name])
    numbers["frames_to_box"] = frames_to_box(scope)
    return numbers


def frames_to_box(scope: Any) -> int:
    """The number of frames from a face's entry to its first box."""
    clip = (
        frame(20, number, visible=2 if number >= ENTERS else 1) for number in range(ENTERS + 30)
    )
    for number, scene in enumerate(Live(scope).stream(clip)):
        if len(scene.results) == 2:
            return number - ENTERS + 1
    return -1


def frame(faces: int, number: int, visible: int | None = None) -> Frame:
    """A frame of a grid of ``faces``, which move by a pixel or two per frame; draws ``visible``."""
    columns = COLUMNS[faces]
    width, height = WIDTH // columns, HEIGHT * columns // max(faces, columns)
    side = min(width, height) * 7 // 8
    head = cv2.resize(decode.read(ASTRONAUT)[HEAD], (side, side), interpolation=cv2.INTER_AREA)
    image: Image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    for place in range(faces if visible is None else visible):
        row, column = divmod(place, columns)
        left = column * width + abs((number + place) % (2 * (width - side)) - (width - side))
        top = row * height + abs((2 * number) % (2 * (height - side)) - (height - side))
        image[top : top + side, left : left + side] = head
    return Frame("made", image, index=number, time_s=number / FRAMES_PER_S)


def explain(rounds: str) -> Any:
    """Time of scores with maps divided by that of scores, for 20 faces on one thread."""
    scope = genderscope.load(threads=1)
    explainer = Explainer.load("mini_xception", 1)
    crops = np.random.default_rng(0).integers(0, 256, (20, *scope.classifier.spec.crop_shape))
    ratios = []
    for _ in range(int(rounds)):
        spent = []
        for model in (scope.classifier, explainer):
            model(crops.astype(np.uint8))
            began = perf_counter()
            model(crops.astype(np.uint8))
            spent.append(perf_counter() - began)
        ratios.append(spent[1] / spent[0])
    return {"guided_to_plain": float(np.median(ratios))}


if __name__ == "__main__":
    case, *arguments = sys.argv[1:]
    numbers = {"classify": classify, "video": video, "explain": explain}[case](*arguments)
    sys.stdout.write(json.dumps(numbers))
