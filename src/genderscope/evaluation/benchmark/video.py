"""Frames per second of live video on one thread: one portrait that moves, once or twenty times."""

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
from genderscope.imaging.preprocess import PreprocessSpec
from genderscope.inference.explainer import Explainer
from genderscope.inference.locate import locate
from genderscope.inference.pipeline import Pipeline
from genderscope.video import Live

WIDTH, HEIGHT = 640, 480
FRAMES_PER_S = 25
LAYOUTS = {1: 1, 20: 5}  # numbers of faces: in all, and in a row
# Includes hair and shoulders.
PORTRAIT = PreprocessSpec(
    "portrait", size=256, margin_ratio=0.5, squaring="expand", padding="edge", colour="bgr"
)
GROUND = 128
NOT_OURS = ("read", "write")  # waiting for a frame, and what the taker of the last one did with it
RATIO_ROUNDS, RATIO_REPEATS = 30, 3


def frame(portrait: Image, faces: int, number: int) -> Frame:
    """One of a video's frames, 640 x 480, with one of ``LAYOUTS`` of a portrait, (side, side, 3)
    uint8 BGR, which moves by a pixel or two between frames.
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
    """Frames per second of ``Live``, drawn, and the cost of explaining, by the number of faces,
    made from a picture, (height, width, 3) uint8 BGR; ``UsageError`` if it shows no face.
    """
    located = locate(Frame("", picture), scope.detector, PORTRAIT)
    if not located.faces:
        raise UsageError("the picture that the video is made of shows no face: name another")
    portrait, one = located.crops[0], located.recrop(scope.classifier.spec)[0]
    runs = {}
    with one_thread():
        for count in LAYOUTS:
            made = [frame(portrait, count, number) for number in range(frames + 1)]
            lives = {"plain": Live(scope), "whole": Live(scope, detect_every=1)}
            cost = None
            if explainer:
                crops = np.repeat(one[None], count, axis=0)
                lives["explained"] = Live(scope, explainer)
                guided, plain = partial(explainer, crops), partial(scope.classifier, crops)
                seconds = take_turns({"a": guided, "b": plain}, RATIO_ROUNDS, RATIO_REPEATS)
                cost = ratio(**seconds, seed=seed)
            runs[str(count)] = VideoRun(**_streams(lives, made), guided_to_plain=cost)
    return runs


def _streams(lives: dict[str, Live], frames: list[Frame]) -> dict[str, Stream]:
    """Mean times by stage, without the first frame; each frame goes through all in turn."""
    streams = {}
    turns = list(zip(*(live.stream(frames) for live in lives.values()), strict=True))[1:]
    for name, scenes in zip(lives, zip(*turns, strict=True), strict=True):
        stages = [stage for stage in scenes[0].stage_ms if stage not in NOT_OURS]
        seconds = [[scene.stage_ms.get(stage, 0) / 1e3 for stage in stages] for scene in scenes]
        faces = sum(len(scene.results) for scene in scenes) / len(scenes)
        means = shares(stages, np.mean(seconds, axis=0), 1, faces)
        streams[name] = Stream(frames=len(scenes), faces_a_frame=faces, **asdict(means))
    return streams


def _there_and_back(step: int, length: int) -> int:
    """A position that moves by one per step between 0 and a length."""
    return length - abs(step % (2 * length) - length) if length else 0
