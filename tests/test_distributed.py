"""Training shared out to two processes: what one process learns."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra [lab]")
pytest.importorskip("lightning", reason="needs the extra [lab]")

from genderscope.core.types import Sample  # noqa: E402
from genderscope.data.prepare import prepare  # noqa: E402
from genderscope.data.prepare.shards import Recipe  # noqa: E402
from genderscope.imaging.preprocess import PRESETS  # noqa: E402
from genderscope.training.record import Epoch, TrainingRecord  # noqa: E402

# A batch is all that is trained on, so an epoch is one step, and its loss that of the step.
RUN = """
import json, sys, torch
from pathlib import Path
from genderscope.data.prepare.crops import Crops
from genderscope.training import train
from genderscope.training.settings import Settings
torch.set_num_threads(1)
train.precision = lambda: "32-true"  # in bfloat16 what is left of a sum depends on its order
settings = Settings(epochs=4, batch_size=48, validation_ratio=0.2, mixup=0.2, ema_decay=0.9)
train.train(Crops(Path(sys.argv[1])), settings, Path(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory, portrait):
    folder = tmp_path_factory.mktemp("pictures")
    picture = cv2.imread(str(portrait))
    draw = np.random.default_rng(0)
    samples = []
    for number in range(60):
        file = folder / f"{number:02d}.png"
        view = cv2.convertScaleAbs(picture, alpha=draw.uniform(0.6, 1.2))
        cv2.imwrite(str(file), view[:, ::-1] if number % 2 else view)
        samples.append(Sample(file, number % 2))
    list(prepare(samples, Recipe(PRESETS["aligned"], "haar"), folder / "cache", jobs=1))
    return folder / "cache"


def train(cache: Path, out: Path, *launcher: str) -> tuple[Epoch, ...]:
    script = out.with_suffix(".py")
    script.write_text(RUN)
    environment = os.environ | {"PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *launcher, str(script), str(cache), str(out)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return TrainingRecord.load(out / "record.json").history


def test_two_processes_learn_what_one_does(cache, tmp_path):
    alone = train(cache, tmp_path / "alone")
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    shared = train(cache, tmp_path / "shared", *launcher)
    for name in ("train_loss", "loss"):
        one, two = ([getattr(epoch, name) for epoch in history] for history in (alone, shared))
        assert two[0] == pytest.approx(one[0], abs=2e-5)
        # Adam divides a step by its own size, so what rounding left of a small gradient grows.
        assert two == pytest.approx(one, rel=2e-2)
    assert alone[0].train_loss != alone[1].train_loss
    one, two = (torch.load(tmp_path / name / "weights.pt")["state"] for name in ("alone", "shared"))
    assert one.keys() == two.keys()
    for name, values in one.items():
        torch.testing.assert_close(two[name], values, atol=2e-2, rtol=2e-2, msg=name)
