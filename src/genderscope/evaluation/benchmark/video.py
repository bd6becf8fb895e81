"""Frames per second of live video on one thread: synthetic frames of one portrait that moves, once
or twenty times.
"""

from functools import partial
from math import ceil

import cv2
import numpy as np
from msgspec.structs import asdict

from genderscope.core.errors import UsageError
from genderscope.core.types import Frame, Image
from genderscope.evaluation.benchmark.latency import ratio, take_turns
from genderscope.evaluation.benchmark.results import Stream, VideoRun
from genderscope.evaluation.benchmark.stages import one_thread, shares
from genderscope.imaging.preprocess import PreprocessSpec, crop
from genderscope.inference.explainer import Explainer
from genderscope.inference.pipeline import Pipeline
from genderscope.video import Live

WIDTH, HEIGHT = 640, 480
FRAMES_PER_S = 25
# Numbers of faces: in all, and in a row.
LAYOUTS = {1: 1, 20: 5}
# Includes hair and shoulders.
PORTRAIT = PreprocessSpec(
    "portrait", size=256, margin_ratio=0.5, squaring="expand", padding="edge", colour="bgr"
)
GROUND = 128
# Waiting for a frame, and what the taker of the last one did with it.
NOT_OURS = ("read", "write")
RATIO_ROUNDS, RATIO_REPEATS = 30, 3


def frame(portrait: Image, faces: int, number: int) -> Frame:
    """One of a video's frames, 640 x 480.

    Args:
        portrait: (side, side, 3) uint8 BGR, a face with its surroundings.
        faces: one of ``LAYOUTS``.
        number: of the frame; portraits move by a pixel or two between frames.
    """
    across = LAYOUTS[faces]
    width, height = WIDTH // across, HEIGHT // ceil(faces / across)
    side = min(width, height) * 7 // 8
    small = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    made = np.full((HEIGHT, WIDTH, 3), GROUND, np.uint8)
    for place in range(faces):
        row, column = divmod(place, across)
        left = column * width + _there_and_back(number + place, width - side)
        top = row * height + _there_and_back(2 * number + place, height - side)
        made[top : top + side, left : left + side] = small
    return Frame("made", made, index=number, time_s=number / FRAMES_PER_S)


def measure(
    picture: Image, scope: Pipeline, explainer: Explainer | None, frames: int, seed: int
) -> dict[str, VideoRun]:
    """Frames per second of ``Live``, drawn, and the cost of explaining, by the number of faces.

    Args:
        picture: (height, width, 3) uint8 BGR, with a face.
        explainer: without one, nothing is explained.

    Raises:
        UsageError: no face is detected in the picture.
    """
    if not (faces := scope.detector(picture)):
        raise UsageError("the picture that the video is made of shows no face: name another")
    portrait = crop(picture, faces[0], PORTRAIT)
    one = crop(picture, faces[0], scope.classifier.spec)
    runs = {}
    with one_thread():
        for count in LAYOUTS:
            made = [frame(portrait, count, number) for number in range(frames + 1)]
            run = VideoRun(plain=_stream(Live(scope), made))
            if explainer:
                crops = np.repeat(one[None], count, axis=0)
                explained = _stream(Live(scope, explainer), made)
                seconds = take_turns(
                    {"a": partial(explainer, crops), "b": partial(scope.classifier, crops)},
                    RATIO_ROUNDS,
                    RATIO_REPEATS,
                )
                cost = ratio(**seconds, seed=seed)
                run = VideoRun(plain=run.plain, explained=explained, guided_to_plain=cost)
            runs[str(count)] = run
    return runs


def _stream(live: Live, frames: list[Frame]) -> Stream:
    """The median of each stage over all frames but the first, which warms up."""
    scenes = list(live.stream(frames))[1:]
    names = [name for name in scenes[0].stage_ms if name not in NOT_OURS]
    seconds = [[scene.stage_ms.get(name, 0) / 1e3 for name in names] for scene in scenes]
    faces = sum(len(scene.results) for scene in scenes) / len(scenes)
    stages = shares(names, np.median(seconds, axis=0), 1, faces)
    return Stream(frames=len(scenes), faces_a_frame=faces, **asdict(stages))


def _there_and_back(step: int, length: int) -> int:
    """A position that moves by one per step between 0 and a length."""
    return length - abs(step % (2 * length) - length) if length else 0
