"""Variants of mini-Xception compared: its layers, and how much of the picture it sees.

    python -m experiments.shapes CROPS [--epochs 5] [--only NAME ...]

Trains each variant for a few epochs on a cache from ``genderscope prepare`` with the preset
``aligned``, with the shipped recipe's optimiser and augmentation but without a teacher, and writes
the results on the validation part to ``results/shapes.json``. One seed and one thread.
``docs/training.md`` has the table.
"""

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from experiments.results import ShapeEpoch, ShapeRun, Shapes
from genderscope.core.results import Estimate, Provenance, command_of, versions
from genderscope.data.prepare.crops import Crops
from genderscope.evaluation.metrics import proportion
from genderscope.imaging.preprocess import scale
from genderscope.training.augmentation import augment
from genderscope.training.batches import split
from genderscope.training.lightning_module import WARM_UP
from genderscope.training.models import mini_xception
from genderscope.training.models.residual_cnn import Residual, projection
from genderscope.training.optimizers import optimizer
from genderscope.training.settings import Augmentation
from genderscope.training.train import EMA_STEPS

RESULTS = Path(__file__).parents[1] / "results" / "shapes.json"
SIZE, BATCH = 64, 128


def last_3x3() -> nn.Module:
    """The paper's last convolution."""
    network = mini_xception.create()
    network[-3] = nn.Conv2d(network[-3].in_channels, 2, 3, padding=1)
    return network


def strided() -> nn.Module:
    """Strided depthwise convolutions instead of pooling: a third fewer operations."""

    def separable(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(inputs, inputs, 3, stride, padding=1, groups=inputs, bias=False),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def block(inputs: int, outputs: int, stride: int) -> nn.Module:
        body = nn.Sequential(
            separable(inputs, outputs), nn.ReLU(), separable(outputs, outputs, stride)
        )
        same = stride == 1 and inputs == outputs
        return Residual(body, nn.Identity() if same else projection(inputs, outputs, stride))

    widths = [mini_xception.STEM, 32, 64, 96, 96]
    stem = list(mini_xception.create())[:6]
    blocks = map(block, widths, widths[1:], (2, 2, 1, 1))
    return nn.Sequential(
        *stem, *blocks, nn.Conv2d(widths[-1], 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )


VARIANTS = {
    "as shipped": (mini_xception.create, 64),
    "last convolution 3x3": (last_3x3, 64),
    "strided depthwise, blocks of 32, 64, 96, 96": (strided, 64),
    "a quarter more of the picture, at the same size": (mini_xception.create, 80),
}


def run(name: str, crops: Crops, epochs: int, seed: int = 0) -> ShapeRun:
    """Train one variant."""
    create, visible = VARIANTS[name]
    strength = Augmentation().times(0.75)
    wide = torch.from_numpy(crops.wide(np.arange(len(crops))))[:, None]
    labels = torch.from_numpy(crops.labels.astype(np.int64))
    training, held_out = split(crops, 0.075, seed)
    torch.manual_seed(seed)
    network = create().to(memory_format=torch.channels_last)
    adam = optimizer(network, 0.05, 4e-3)
    batches = len(training) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        adam, 4e-3, total_steps=epochs * batches, pct_start=WARM_UP
    )
    decay = get_ema_multi_avg_fn(0.998**EMA_STEPS)
    average = AveragedModel(network, multi_avg_fn=decay, use_buffers=True)
    bfloat16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    history, step, began = [], 0, perf_counter()
    for epoch in range(epochs):
        order = np.random.default_rng((seed, epoch)).permutation(len(training))
        for chosen in training[order[: batches * BATCH]].reshape(batches, BATCH):
            views = augment(wide[chosen].float(), SIZE, strength, visible)
            inputs = scale(views, crops.spec)
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                logits = network(inputs.to(memory_format=torch.channels_last)).float()
            loss = F.cross_entropy(logits, labels[chosen], label_smoothing=0.05)
            adam.zero_grad()
            loss.backward()
            adam.step()
            schedule.step()
            step += 1
            if step % EMA_STEPS == 0:
                if step < WARM_UP * epochs * batches:
                    average.module.load_state_dict(network.state_dict())
                else:
                    average.update_parameters(network)
        history.append(validate(average.module, wide[held_out], labels[held_out], visible, crops))
    n, last = len(held_out), history[-1]
    interval = proportion(round(last.accuracy * n), n).interval
    return ShapeRun(
        variant=name,
        parameters=sum(p.numel() for p in network.parameters()),
        epochs=epochs,
        seed=seed,
        accuracy=Estimate(n=n, value=last.accuracy, interval=interval),
        loss=last.loss,
        history=tuple(history),
        seconds=round(perf_counter() - began),
    )


@torch.no_grad()
def validate(
    network: nn.Module, wide: Tensor, labels: Tensor, visible: int, crops: Crops
) -> ShapeEpoch:
    """Loss and accuracy on the centre crops, ``visible`` pixels wide."""
    network.eval()
    edge = (wide.shape[-1] - visible) // 2
    centre = wide[..., edge : edge + visible, edge : edge + visible].float()
    if visible != SIZE:
        centre = F.interpolate(centre, (SIZE, SIZE), mode="bilinear", antialias=True)
    parts = scale(centre, crops.spec).to(memory_format=torch.channels_last).split(512)
    logits = torch.cat([network(part) for part in parts])
    network.train()
    return ShapeEpoch(
        loss=round(float(F.cross_entropy(logits, labels)), 4),
        accuracy=round(float((logits.argmax(1) == labels).float().mean()), 5),
    )


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("crops", type=Path)
    options.add_argument("--epochs", type=int, default=5)
    options.add_argument("--only", nargs="+", default=list(VARIANTS))
    arguments = options.parse_args()
    torch.set_num_threads(1)
    crops = Crops(arguments.crops)
    provenance = Provenance(
        command=command_of("experiments.shapes"),
        versions=versions(("torch",)),
        seed=0,
        fingerprint=crops.manifest.fingerprint,
    )
    for name in arguments.only:
        runs = Shapes.load(RESULTS).runs if RESULTS.exists() else ()
        runs = (*(r for r in runs if r.variant != name), run(name, crops, arguments.epochs))
        Shapes(provenance=provenance, runs=runs).save(RESULTS, overwrite=True)
