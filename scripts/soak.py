"""Does memory stay flat? Loops a video through detection, tracking, drawing and all sinks.

    python scripts/soak.py --out results/soak.json

Without a VIDEO, it makes one of the portrait in the package. Ten minutes by default.
"""

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np

import genderscope
from genderscope.core import plugins
from genderscope.core.types import Frame, Scene
from genderscope.imaging import decode
from genderscope.inference.explainer import Explainer
from genderscope.video import Live
from genderscope.video.soak import soak

PORTRAIT = Path(genderscope.__file__).parent / "imaging" / "samples" / "astronaut.jpg"


def make_video(file: Path, frames: int = 250) -> None:
    """Two portraits that move across 640 x 480."""
    portrait = cv2.resize(decode.read(PORTRAIT), (280, 280), interpolation=cv2.INTER_AREA)
    with plugins.load("sinks", "video").create(str(file)) as sink:
        for index in range(frames):
            image = np.full((480, 640, 3), 128, np.uint8)
            for top, left in ((20, index), (190, 340 - index)):
                image[top : top + 280, max(left, 0) : left + 280] = portrait[:, max(-left, 0) :]
            sink.write(Scene(Frame("", time_s=index / 25, image=image), drawn=image))


def main() -> None:
    """Run it, write the report, and fail if memory grows by more than a twentieth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--video", type=Path)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--model", default="mini_xception")
    parser.add_argument("--out", type=Path, default=Path("soak.json"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        video = arguments.video or Path(folder) / "made.mp4"
        if not arguments.video:
            make_video(video)
        targets = {"video": "out.mp4", "jsonl": "out.jsonl", "face_rows": "out.csv"}
        sinks = [
            stack.enter_context(plugins.load("sinks", name).create(str(Path(folder) / target)))
            for name, target in targets.items()
        ]
        scope = genderscope.load(arguments.model, detection_size=640, min_face_px=48)
        explainer = Explainer.load(arguments.model)
        report = {
            "command": f"python scripts/soak.py {' '.join(sys.argv[1:])}",
            "model": scope.classifier.name,
            "detector": scope.detector.name,
            **soak(str(video), Live(scope, explainer), arguments.seconds, sinks),
        }
    arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"memory grew by {report['growth']:.1%} in {report['seconds']:.0f} s\n")
    sys.exit(report["growth"] > 0.05)


if __name__ == "__main__":
    main()
