"""Time of pictures and of live video on one thread, by stage and in total. The video shows one
moving portrait, once or twenty times.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from math import ceil
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
from msgspec.structs import asdict

from genderscope.core.errors import PictureError, UsageError
from genderscope.core.protocols import Detector
from genderscope.core.types import Floats, Frame, Image, Prediction, Result
from genderscope.evaluation.benchmark import results
from genderscope.evaluation.benchmark.latency import ratio, take_turns
from genderscope.imaging import decode, draw
from genderscope.imaging.preprocess import PreprocessSpec
from genderscope.inference.classifier import Classifier
from genderscope.inference.explainer import Explainer
from genderscope.inference.locate import locate
from genderscope.inference.pipeline import Pipeline
from genderscope.video import Live

FILE_STAGES = ("read", "decode")
FRAME_STAGES = ("detect", "crop", "classify", "explain", "draw")
WARM_UP_ROUNDS = 1
WIDTH, HEIGHT = 640, 480
FRAMES_PER_S = 25
LAYOUTS = {1: 1, 20: 5}  # numbers of faces: in all, and in a row
# Includes hair and shoulders.
PORTRAIT = PreprocessSpec(
    "portrait", size=256, margin_ratio=0.5, squaring="expand", padding="edge", colour="bgr"
)
BACKGROUND = 128
EXTERNAL_STAGES = ("read", "write")  # waiting for a frame, and the consumer's work on the last one
RATIO_ROUNDS, RATIO_REPEATS = 30, 3


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit OpenCV to one thread within the context."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def time_stages(
    image: Image, detector: Detector, classifier: Classifier, explainer: Explainer | None
) -> tuple[Floats, int]:
    """Locate, classify, explain and draw the faces of one picture: the seconds of each of
    ``FRAME_STAGES``, 0 for one left out, and the number of faces.
    """
    clock = [perf_counter()]

    def lap(stage: str) -> None:
        clock.append(perf_counter())

    located = locate(Frame("", image), detector, classifier.spec, lap=lap)
    crops, faces = np.array(located.crops, np.uint8), located.faces
    scores = classifier(crops).tolist() if faces else []
    lap("classify")
    if explainer and faces:
        explainer(crops)
        lap("explain")
    else:
        clock.append(clock[-1])
    predictions = [Prediction((woman, man), classifier.min_confidence) for woman, man in scores]
    draw.draw(image, list(map(Result, faces, predictions)))
    lap("draw")
    return np.diff(clock), len(faces)


def measure(
    pictures: Iterable[Path | Frame],
    detector: Detector,
    classifier: Classifier,
    explainer: Explainer | None,
    rounds: int,
) -> results.Pictures:
    """Time each stage on pictures, as ``decode.find`` yields them, one by one, and the whole
    pipeline as ``classify`` runs it; ``PictureError`` if none is readable. Classifier and explainer
    must be opened with one thread; the latter may be None.
    """
    readable, unreadable = [], []
    for picture in pictures:
        try:
            if isinstance(picture, Frame):
                raise PictureError(picture.error)
            decode.read(picture)
            readable.append(picture)
        except PictureError as error:
            unreadable.append(str(error))
    if not readable:
        raise PictureError(unreadable[0] if unreadable else "no picture in the named folders")
    scope = Pipeline(classifier, detector)
    apart, together = [], []
    with one_thread():
        for _ in range(WARM_UP_ROUNDS + rounds):
            times, counts = [], []
            for path in readable:
                start = perf_counter()
                encoded = path.read_bytes()
                read = perf_counter()
                image = decode.read(encoded)
                decoded = perf_counter()
                spent, count = time_stages(image, detector, classifier, explainer)
                times.append([read - start, decoded - read, *spent])
                counts.append(count)
            apart.append(np.sum(times, axis=0))
            start = perf_counter()
            for _ in scope.stream(decode.frames(readable)):
                pass
            together.append(perf_counter() - start)
    seconds = float(np.median(together[WARM_UP_ROUNDS:]))
    by_stage = np.median(apart[WARM_UP_ROUNDS:], axis=0)
    n, faces = len(readable), sum(counts)
    return results.Pictures(
        pictures=n,
        faces=faces,
        rounds=rounds,
        apart=shares((*FILE_STAGES, *FRAME_STAGES), by_stage, n, faces),
        together=results.Rates(**_rates(seconds, n, faces)),
        unreadable=tuple(unreadable),
    )


def shares(names: Sequence[str], seconds: Floats, pictures: int, faces: float) -> results.Stages:
    """The rates of all stages together and of each; stages that took no time are left out."""
    total = float(seconds.sum())
    return results.Stages(
        **_rates(total, pictures, faces),
        stages={
            name: results.Stage(**_rates(spent, pictures, faces), share=spent / total)
            for name, spent in zip(names, seconds.tolist(), strict=True)
            if spent
        },
    )


def _rates(time: float, pictures: int, faces: float) -> dict[str, float]:
    return {"ms": 1e3 * time, "pictures_per_s": pictures / time, "faces_per_s": faces / time}


def video_frame(portrait: Image, faces: int, number: int) -> Frame:
    """Frame ``number`` of a video, 640 x 480, with a portrait, (side, side, 3) uint8 BGR, in one of
    ``LAYOUTS``, which moves by a pixel or two between frames.
    """
    across = LAYOUTS[faces]
    width, height = WIDTH // across, HEIGHT // ceil(faces / across)
    side = min(width, height) * 7 // 8
    small = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    canvas = np.full((HEIGHT, WIDTH, 3), BACKGROUND, np.uint8)
    for place in range(faces):
        row, column = divmod(place, across)
        left = column * width + _triangle_wave(number + place, width - side)
        top = row * height + _triangle_wave(2 * number + place, height - side)
        canvas[top : top + side, left : left + side] = small
    return Frame("made", canvas, index=number, time_s=number / FRAMES_PER_S)


def measure_video(
    picture: Image, scope: Pipeline, explainer: Explainer | None, frames: int, seed: int
) -> dict[str, results.VideoRun]:
    """Frames per second of ``Live`` with drawing, and the cost of explaining, by number of faces,
    on a video made from a picture, (height, width, 3) uint8 BGR; ``UsageError`` if it has no face.
    """
    located = locate(Frame("", picture), scope.detector, PORTRAIT)
    if not located.faces:
        raise UsageError("no face in the picture for the video: name another")
    portrait, face = located.crops[0], located.recrop(scope.classifier.spec)[0]
    runs = {}
    with one_thread():
        for count in LAYOUTS:
            video = [video_frame(portrait, count, number) for number in range(frames + 1)]
            lives = {"plain": Live(scope), "whole": Live(scope, detect_every=1)}
            cost = None
            if explainer:
                crops = np.repeat(face[None], count, axis=0)
                lives["explained"] = Live(scope, explainer)
                guided, plain = partial(explainer, crops), partial(scope.classifier, crops)
                seconds = take_turns({"a": guided, "b": plain}, RATIO_ROUNDS, RATIO_REPEATS)
                cost = ratio(**seconds, seed=seed)
            runs[str(count)] = results.VideoRun(**_streams(lives, video), guided_to_plain=cost)
    return runs


def _streams(lives: dict[str, Live], frames: list[Frame]) -> dict[str, results.Stream]:
    """Mean times by stage, without the first frame; all streams take each frame in turn."""
    streams = {}
    turns = list(zip(*(live.stream(frames) for live in lives.values()), strict=True))[1:]
    for name, scenes in zip(lives, zip(*turns, strict=True), strict=True):
        stages = [stage for stage in scenes[0].stage_ms if stage not in EXTERNAL_STAGES]
        seconds = [[scene.stage_ms.get(stage, 0) / 1e3 for stage in stages] for scene in scenes]
        faces = sum(len(scene.results) for scene in scenes) / len(scenes)
        means = shares(stages, np.mean(seconds, axis=0), 1, faces)
        streams[name] = results.Stream(frames=len(scenes), faces_a_frame=faces, **asdict(means))
    return streams


def _triangle_wave(step: int, length: int) -> int:
    """A position that moves by one per step between 0 and a length."""
    return length - abs(step % (2 * length) - length) if length else 0
