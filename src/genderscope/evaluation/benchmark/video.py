"""How many frames a second a live picture reaches: made frames with one face and with twenty.

Frames are made of one portrait that moves from frame to frame; everything runs on one thread. Knows
nothing of cameras or files.
"""

from functools import partial
from math import ceil
from typing import Any

import cv2
import numpy as np

from genderscope.core.errors import UsageError
from genderscope.core.types import Frame, Image
from genderscope.evaluation.benchmark.latency import ratio, take_turns
from genderscope.evaluation.benchmark.stages import one_thread, shares
from genderscope.imaging.preprocess import PreprocessSpec, crop
from genderscope.inference.explainer import Explainer
from genderscope.inference.pipeline import Scope
from genderscope.video import Live

WIDTH, HEIGHT = 640, 480
FRAMES_PER_S = 25
# How many faces there are, and how many of them lie in a row.
LAYOUTS = {1: 1, 20: 5}
# Shows the hair and the shoulders around a face.
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
        portrait: (side, side, 3) uint8 BGR, a face with what is around it.
        faces: how many there are, one of ``LAYOUTS``.
        number: of the frame; each portrait moves by a pixel or two from one to the next.
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
    picture: Image, scope: Scope, explainer: Explainer | None, frames: int, seed: int
) -> dict[str, Any]:
    """Frames a second of ``live.Live``, drawn, and what explaining costs beside the plain network.

    Args:
        picture: (height, width, 3) uint8 BGR, with a face that the detector finds.
        explainer: without one, nothing is explained.

    Returns:
        By the number of faces, by ``plain`` and ``explained``: the ``shares`` of the stages,
        ``frames`` and ``faces_a_frame``; ``guided_to_plain``, the ratio of the networks' times.

    Raises:
        UsageError: the detector finds no face in the picture.
    """
    if not (found := scope.detector(picture)):
        raise UsageError("the picture that the video is made of shows no face: name another")
    portrait = crop(picture, found[0], PORTRAIT)
    one = crop(picture, found[0], scope.classifier.spec)
    measured: dict[str, Any] = {}
    with one_thread():
        for faces in LAYOUTS:
            made = [frame(portrait, faces, number) for number in range(frames + 1)]
            ways = {"plain": Live(scope)}
            if explainer:
                ways["explained"] = Live(scope, explainer)
            measured[str(faces)] = {name: _streamed(live, made) for name, live in ways.items()}
            if explainer:
                crops = np.repeat(one[None], faces, axis=0)
                seconds = take_turns(
                    {"a": partial(explainer, crops), "b": partial(scope.classifier, crops)},
                    RATIO_ROUNDS,
                    RATIO_REPEATS,
                )
                measured[str(faces)]["guided_to_plain"] = ratio(**seconds, seed=seed)
    return measured


def _streamed(live: Live, made: list[Frame]) -> dict[str, Any]:
    """The median of each stage over all frames but the first, which warms up."""
    moments = list(live.stream(made))[1:]
    names = [name for name in moments[0].stage_ms if name not in NOT_OURS]
    seconds = [[moment.stage_ms.get(name, 0) / 1e3 for name in names] for moment in moments]
    faces = sum(len(moment.results) for moment in moments) / len(moments)
    return {
        "frames": len(moments),
        "faces_a_frame": faces,
        **shares(names, np.median(seconds, axis=0), 1, faces),
    }


def _there_and_back(step: int, length: int) -> int:
    """Where something is that moves by one a step between 0 and a length."""
    return length - abs(step % (2 * length) - length) if length else 0
