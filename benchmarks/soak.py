"""Memory of ``genderscope watch`` over time: a looped video goes through detection, explanation,
tracking, drawing and all sinks. Fails if memory grows by more than 5%.

    python benchmarks/soak.py --out results/soak.json

Without ``--video``, it makes one from the package's portrait. Runs for ten minutes by default.
"""

import argparse
import json
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import psutil

import genderscope
from genderscope.core import plugins
from genderscope.core.protocols import Sink
from genderscope.core.types import Frame, Scene
from genderscope.imaging import decode
from genderscope.inference.explainer import Explainer
from genderscope.video import Live, cameras

SINKS = {"video": "out.mp4", "jsonl": "out.jsonl", "face_rows": "out.csv"}
SAMPLES = 120
MAX_GROWTH = 0.05


def make_video(file: Path, frames: int = 250) -> None:
    """Two portraits that move across 640 x 480."""
    portrait = cv2.resize(decode.read(decode.PORTRAIT), (280, 280), interpolation=cv2.INTER_AREA)
    with plugins.load("sinks", "video").create(str(file)) as sink:
        for index in range(frames):
            image = np.full((480, 640, 3), 128, np.uint8)
            for top, left in ((20, index), (190, 340 - index)):
                image[top : top + 280, max(left, 0) : left + 280] = portrait[:, max(-left, 0) :]
            sink.write(Scene(Frame("", time_s=index / 25, image=image), drawn=image))


def soak(source: Path, live: Live, seconds: float, sinks: Sequence[Sink]) -> dict[str, Any]:
    """Loop a video for ``seconds``, and sample this process's memory.

    ``growth`` is the median of the last fifth of the samples over that of the second fifth, minus
    1; the first fifth is the warm-up.
    """
    process = psutil.Process()
    memory = [process.memory_info().rss]
    frames = 0
    start = time.monotonic()
    with (
        closing(iter(cameras.open_source(str(source), loop=True))) as stream,
        closing(live.stream(stream)) as scenes,
    ):
        for scene in scenes:
            for sink in sinks:
                sink.write(scene)
            frames += 1
            elapsed = time.monotonic() - start
            if elapsed >= seconds * len(memory) / SAMPLES:
                memory.append(process.memory_info().rss)
            if elapsed >= seconds:
                break
    fifth = max(len(memory) // 5, 1)
    return {
        "seconds": elapsed,
        "frames": frames,
        "frames_per_s": frames / elapsed,
        "memory_mib": [round(sample / 2**20, 1) for sample in memory],
        "growth": median(memory[-fifth:]) / median(memory[fifth : 2 * fifth]) - 1,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--video", type=Path)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--model", default="mini_xception")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        video = options.video or Path(folder) / "portraits.mp4"
        if not options.video:
            make_video(video)
        sinks = [
            stack.enter_context(plugins.load("sinks", name).create(str(Path(folder) / file)))
            for name, file in SINKS.items()
        ]
        scope = genderscope.load(options.model, detection_size=640, min_face_px=48)
        live = Live(scope, Explainer.load(options.model))
        report = {
            "command": shlex.join(["python", *sys.argv]),
            "model": scope.classifier.name,
            "detector": scope.detector.name,
            **soak(video, live, options.seconds, sinks),
        }
    options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"memory grew by {report['growth']:.1%} in {report['seconds']:.0f} s\n")
    sys.exit(report["growth"] > MAX_GROWTH)
