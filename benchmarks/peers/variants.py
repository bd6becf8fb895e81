"""The time of mini-Xception with other layers and with other runtime settings.

    python -m benchmarks.peers.variants --out results/benchmark/variants.json

Layers have random weights, since time does not depend on them; accuracy is not measured. All take
turns with the reference network.
"""

import argparse
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import onnxruntime
import torch
from msgspec.structs import asdict
from torch import Tensor, nn

from benchmarks.peers import reference
from benchmarks.results import ChunkTiming, Variant, Variants, VariantTiming, provenance
from genderscope.core import sessions
from genderscope.evaluation.benchmark import BATCHES, REPEATS, machine, network
from genderscope.evaluation.benchmark.latency import ratio, summary, take_turns
from genderscope.evaluation.benchmark.results import Timing
from genderscope.inference.classifier import WEIGHTS
from genderscope.reporting import benchmark
from genderscope.reporting.page import Table

SEED = 0
REFERENCE = "the reference's"
OURS = WEIGHTS / "mini_xception.onnx"
CHUNKS = (4, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Layers:
    """A mini-Xception.

    Attributes:
        stem: ``plain`` for two 3x3 convolutions, ``separable`` with a separable second one,
            ``single`` without a second one; the first has stride 2.
        blocks: (channels, stride) of each.
        halved_by: what downsamples a block: its ``pooling``, or its ``first`` or ``second``
            depthwise convolution.
        added: whether blocks that keep the shape of their maps have an identity shortcut.
        last: kernel size of the last convolution.
        size: of the crop in pixels.
    """

    stem: str = "plain"
    blocks: tuple[tuple[int, int], ...] = ((32, 2), (48, 2), (72, 1), (112, 1))
    halved_by: str = "pooling"
    added: bool = False
    last: int = 3
    size: int = 64


EVEN = ((32, 2), (48, 2), (80, 1), (112, 1))
DEEP = ((32, 2), (64, 2), (64, 1), (64, 1), (96, 1))
LONGER = ((32, 2), (48, 1), (48, 1), (96, 2), (96, 1))
WIDE = Layers(blocks=((32, 2), (64, 2), (96, 1), (96, 1)), halved_by="second", added=True, last=1)
VARIANTS = {
    "as first shipped": Layers(),
    "last convolution 1x1": Layers(last=1),
    "last 1x1, 80 maps for 72": Layers(last=1, blocks=EVEN),
    "last 1x1, separable stem": Layers(last=1, stem="separable"),
    "last 1x1, single stem": Layers(last=1, stem="single"),
    "last 1x1, stride for pooling": Layers(last=1, halved_by="second"),
    "last 1x1, stride, separable stem": Layers(last=1, halved_by="second", stem="separable"),
    "the same, crops of 80": Layers(last=1, halved_by="second", stem="separable", size=80),
    "the same, crops of 96": Layers(last=1, halved_by="second", stem="separable", size=96),
    "last 1x1, stride, crops of 72": Layers(last=1, halved_by="second", size=72),
    "last 1x1, stride, single stem, 80 maps, crops of 80": Layers(
        last=1, halved_by="second", stem="single", blocks=EVEN, size=80
    ),
    "wide": WIDE,
    "wide, pooling": replace(WIDE, halved_by="pooling"),
    "wide, stride in the first depthwise": replace(WIDE, halved_by="first"),
    "wide, separable stem": replace(WIDE, stem="separable"),
    "wide, single stem": replace(WIDE, stem="single"),
    "wide, crops of 72": replace(WIDE, size=72),
    "wide, separable stem, crops of 80": replace(WIDE, stem="separable", size=80),
    "wide, stride in the first depthwise, crops of 80": replace(WIDE, halved_by="first", size=80),
    "deep: 32, 64, 64, 64, 96": replace(WIDE, blocks=DEEP),
    "wide, longer at 16x16": replace(WIDE, blocks=LONGER),
}


def activated(*layers: nn.Module, maps: int) -> nn.Sequential:
    return nn.Sequential(*layers, nn.BatchNorm2d(maps), nn.ReLU())


def depthwise(maps: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(maps, maps, 3, stride, padding=1, groups=maps, bias=False)


def pointwise(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 1, stride, bias=False)


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, layers: Layers) -> None:
        super().__init__()
        strides = {layers.halved_by: stride}
        pooling = strides.get("pooling", 1)
        first = depthwise(inputs, strides.get("first", 1))
        self.body = nn.Sequential(
            activated(first, pointwise(inputs, outputs), maps=outputs),
            depthwise(outputs, strides.get("second", 1)),
            pointwise(outputs, outputs),
            nn.BatchNorm2d(outputs),
            nn.MaxPool2d(3, pooling, padding=1) if pooling > 1 else nn.Identity(),
        )
        self.shortcut: nn.Module = nn.Identity()
        if not layers.added or (inputs, stride) != (outputs, 1):
            convolution = pointwise(inputs, outputs, stride)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(outputs))
        self.activation = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        return self.activation(self.body(maps) + self.shortcut(maps))


def create(layers: Layers) -> nn.Module:
    stem = [activated(nn.Conv2d(1, 16, 3, 2, padding=1, bias=False), maps=16)]
    if layers.stem == "plain":
        stem.append(activated(nn.Conv2d(16, 16, 3, padding=1, bias=False), maps=16))
    elif layers.stem == "separable":
        stem.append(activated(depthwise(16), pointwise(16, 16), maps=16))
    widths = [16, *(maps for maps, _ in layers.blocks)]
    return nn.Sequential(
        *stem,
        *(
            Block(inputs, outputs, stride, layers)
            for inputs, (outputs, stride) in zip(widths, layers.blocks, strict=False)
        ),
        nn.Conv2d(widths[-1], 2, layers.last, padding=layers.last // 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    ).eval()


def structures(rounds: int) -> dict[str, Variant]:
    """The size of each variant, and its time by batch size, compared with the reference."""
    torch.manual_seed(SEED)
    variants = {}
    with TemporaryDirectory() as folder:
        modules = {REFERENCE: (reference.create(), reference.SIZE)}
        modules |= {name: (create(layers), layers.size) for name, layers in VARIANTS.items()}
        files = {}
        for number, (name, (module, size)) in enumerate(modules.items()):
            files[name] = Path(folder) / f"{number}.onnx"
            reference.export(module, files[name], size)
            variants[name] = Variant(
                parameters=sum(parameter.numel() for parameter in module.parameters()),
                multiply_adds=network.multiply_adds(files[name]),
                time={},
            )
        for batch in BATCHES:
            calls = {}
            for name, file in files.items():
                session = sessions.create(file, threads=1)
                calls[name] = partial(session.run, None, network.inputs(session, batch))
            seconds = take_turns(calls, rounds, REPEATS[batch])
            for name, taken in seconds.items():
                variants[name].time[str(batch)] = VariantTiming(
                    **asdict(summary(taken, batch)),
                    to_reference=ratio(taken, seconds[REFERENCE], SEED),
                )
    return variants


def settings(rounds: int) -> dict[str, dict[str, Timing]]:
    """The shipped network with other settings of ONNX Runtime."""
    levels = onnxruntime.GraphOptimizationLevel
    changes = {
        "as it runs": {},
        "with plans of memory": {"enable_mem_pattern": True},
        "without the layout for the processor": {
            "graph_optimization_level": levels.ORT_ENABLE_EXTENDED
        },
        "without any fusion": {"graph_optimization_level": levels.ORT_DISABLE_ALL},
    }
    timings: dict[str, dict[str, Timing]] = {name: {} for name in changes}
    for batch in BATCHES:
        calls = {}
        for name, change in changes.items():
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            options.enable_mem_pattern = False
            for option, value in change.items():
                setattr(options, option, value)
            session = onnxruntime.InferenceSession(OURS, options)
            calls[name] = partial(session.run, None, network.inputs(session, batch))
        for name, seconds in take_turns(calls, rounds, REPEATS[batch]).items():
            timings[name][str(batch)] = summary(seconds, batch)
    return timings


def chunks(rounds: int) -> dict[str, ChunkTiming]:
    """64 faces through the shipped network, in chunks of different sizes."""
    whole = CHUNKS[-1]
    session = sessions.create(OURS, threads=1)
    [(name, faces)] = network.inputs(session, whole).items()

    def call(size: int) -> None:
        for start in range(0, whole, size):
            session.run(None, {name: faces[start : start + size]})

    calls = {str(size): partial(call, size) for size in CHUNKS}
    seconds = take_turns(calls, rounds, REPEATS[whole])
    return {
        size: ChunkTiming(
            **asdict(summary(taken, whole)), to_whole=ratio(taken, seconds[str(whole)], SEED)
        )
        for size, taken in seconds.items()
    }


def tables(result: Variants) -> list[Table]:
    def time_cells(times: dict[str, VariantTiming]) -> list[str]:
        cells = []
        for batch in map(str, BATCHES):
            cells += [f"{times[batch].median_ms:.3f}", benchmark.ratio(times[batch].to_reference)]
        return cells

    sizes = [
        [name, f"{v.parameters:,}", f"{v.multiply_adds / 1e6:.2f}", *time_cells(v.time)]
        for name, v in result.structures.items()
    ]
    head = ["layers", "parameters", "multiply-adds, M"]
    for batch in BATCHES:
        head += [f"ms per face, batch {batch}", "time / the reference's"]
    ways = [
        [name, *(f"{times[str(batch)].median_ms:.3f}" for batch in BATCHES)]
        for name, times in result.settings.items()
    ]
    pieces = [
        [size, f"{timing.median_ms:.3f}", f"{timing.to_whole.value:.2f}"]
        for size, timing in result.chunks.items()
    ]
    return [
        Table(head, sizes, "Random weights, one thread; 95% intervals of the ratios (bootstrap)."),
        Table(["ONNX Runtime", *(f"ms per face, batch {b}" for b in BATCHES)], ways),
        Table(["faces per call, of 64", "ms per face", "time / one call for all"], pieces),
    ]


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument(
        "--out", type=Path, required=True, help="JSON file; the Markdown is written next to it"
    )
    options.add_argument("--rounds", type=int, default=60)
    arguments = options.parse_args()
    result = Variants(
        provenance=provenance("peers.variants", seed=SEED),
        machine=machine.describe(),
        structures=structures(arguments.rounds),
        settings=settings(arguments.rounds),
        chunks=chunks(arguments.rounds),
        rounds=arguments.rounds,
    )
    result.save(arguments.out, overwrite=True)
    arguments.out.with_suffix(".md").write_text(benchmark.markdown(tables(result), result))
