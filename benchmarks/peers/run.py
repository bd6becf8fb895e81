"""The shipped networks and other implementations, in one run: see README.md.

python -m benchmarks.peers.run --out results/benchmark/peers.json
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
import onnxruntime
import torch
from msgspec.structs import asdict

from benchmarks.peers import reference
from benchmarks.results import Peers, Photographs, PhotographTiming, Size, provenance
from genderscope import detection
from genderscope.api import Scope
from genderscope.core import plugins, sessions
from genderscope.core.types import Floats
from genderscope.evaluation.benchmark import BATCHES, REPEATS, machine, network
from genderscope.evaluation.benchmark.latency import ratio, summary, take_turns
from genderscope.imaging import decode
from genderscope.imaging.preprocess import crop
from genderscope.inference.classifier import WEIGHTS, Classifier, shipped
from genderscope.reporting import benchmark
from genderscope.reporting.page import Table

OURS = "mini_xception"
REFERENCE = "the reference's, ONNX Runtime"
EAGER = "the reference's, torch eager"
# Of the published network: see README.md.
EXPECTED = Size(parameters=51_186, multiply_adds=10_071_232)
PHOTOGRAPHS = 8
SEED = 0
T = TypeVar("T")


def in_torch(module: torch.nn.Module, faces: int, channels: int, size: int) -> Callable[[], object]:
    """A call of a network in eager torch."""
    module = module.eval()
    inputs = torch.randn(faces, channels, size, size)

    def call() -> object:
        with torch.inference_mode():
            return module(inputs)

    return call


def running(file: Path, faces: int) -> Callable[[], object]:
    """A call of a network in ONNX Runtime on one thread."""
    session = sessions.create(file, threads=1)
    return partial(session.run, None, network.inputs(session, faces))


def networks(rounds: int) -> dict[str, Any]:  # fields of Peers
    """The time of every network and runtime by batch size, compared with the reference."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    theirs = reference.create()
    ours = Classifier.load(OURS)
    ours_in_torch = plugins.load("training.models", OURS).create(ours.spec.channels)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "reference.onnx"
        reference.export(theirs, file)
        counts = Size(
            parameters=sum(parameter.numel() for parameter in theirs.parameters()),
            multiply_adds=network.multiply_adds(file),
        )
        if counts != EXPECTED:
            sys.exit(f"the published reference has {EXPECTED}, this reimplementation {counts}")
        times = {}
        for batch in BATCHES:
            calls = {
                REFERENCE: running(file, batch),
                EAGER: in_torch(theirs, batch, 1, reference.SIZE),
                **{name: running(WEIGHTS / f"{name}.onnx", batch) for name in shipped()},
                f"{OURS}, torch eager": in_torch(
                    ours_in_torch, batch, ours.spec.channels, ours.spec.size
                ),
            }
            times[batch] = take_turns(calls, rounds, REPEATS[batch])
            # Measured separately: its spinning threads would slow the others.
            session = onnxruntime.InferenceSession(WEIGHTS / f"{OURS}.onnx")
            default = partial(session.run, None, network.inputs(session, batch))
            name = f"{OURS}, ONNX Runtime's defaults"
            times[batch] |= take_turns({name: default}, rounds, REPEATS[batch])
            del session, default
    return {
        "reference": counts,
        "times": _by_batch(times, summary),
        "to_reference": _by_batch(
            times, lambda seconds, batch: ratio(seconds, times[batch][REFERENCE], SEED)
        ),
        "to_torch_eager": _by_batch(
            times, lambda seconds, batch: ratio(seconds, times[batch][EAGER], SEED)
        ),
    }


def _by_batch(
    times: Mapping[int, Mapping[str, Floats]], statistic: Callable[[Floats, int], T]
) -> dict[str, dict[str, T]]:
    return {
        name: {str(batch): statistic(times[batch][name], batch) for batch in BATCHES}
        for name in times[BATCHES[0]]
    }


def sequential(scope: Scope, files: Sequence[Path]) -> int:
    """One picture and one face at a time, as deepface and similar libraries are used."""
    faces = 0
    for file in files:
        image = decode.read(file)
        for face in scope.detector(image):
            scope.classifier(crop(image, face, scope.classifier.spec)[None])
            faces += 1
    return faces


def streamed(scope: Scope, files: Sequence[Path]) -> int:
    return sum(len(scene.results) for scene in scope.stream(decode.frames(files)))


def photographs(file: Path, rounds: int) -> Photographs:
    """Both ways on copies of one photograph, with all cores and default threads."""
    files = [file] * PHOTOGRAPHS
    scope = Scope(Classifier.load(OURS), detection.create())
    ways = {"sequential": sequential, "stream": streamed}
    seconds = take_turns(
        {name: partial(way, scope, files) for name, way in ways.items()}, rounds, 1
    )
    faces = {name: way(scope, files) for name, way in ways.items()}
    return Photographs(
        photographs=len(files),
        detector=scope.detector.name,
        ways={
            name: PhotographTiming(
                faces=faces[name],
                photographs_per_s=len(files) / float(np.median(times)),
                **asdict(summary(times, faces[name])),
            )
            for name, times in seconds.items()
        },
        sequential_to_stream=ratio(seconds["sequential"], seconds["stream"], SEED),
    )


def tables(result: Peers) -> list[Table]:
    rows = []
    for name, times in result.times.items():
        row = [name]
        for batch, time in times.items():
            row += [f"{time.median_ms:.3f}", f"{time.p95_ms:.3f}", f"{time.faces_per_s:,.0f}"]
            row += [benchmark.ratio(result.to_reference[name][batch])]
        rows.append(row)
    head = ["network"]
    for batch in BATCHES:
        head += [
            f"ms per face, batch {batch}",
            "95th percentile",
            "faces/s",
            "time / the reference's",
        ]
    eager = result.to_torch_eager[OURS]["1"]
    low, high = eager.interval
    photographs = result.photographs
    return [
        Table(
            head,
            rows,
            f"One thread, except for the defaults; 95% intervals (bootstrap). At batch 1 {OURS} "
            f"takes {eager.value:.3f} ({low:.3f}-{high:.3f}) of the time of the reference in eager "
            "torch.",
        ),
        Table(
            ["photographs", "photographs/s", "faces/s", "faces"],
            [
                [name, f"{way.photographs_per_s:.2f}", f"{way.faces_per_s:.1f}", f"{way.faces}"]
                for name, way in photographs.ways.items()
            ],
            f"Faces found by {photographs.detector}. The stream is "
            f"{benchmark.ratio(photographs.sequential_to_stream)} times as fast.",
        ),
    ]


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument(
        "--out", type=Path, required=True, help="JSON file; the Markdown is written next to it"
    )
    options.add_argument("--rounds", type=int, default=60)
    options.add_argument("--picture", type=Path, default=decode.PORTRAIT)
    arguments = options.parse_args()
    result = Peers(
        provenance=provenance("peers.run", (*machine.LIBRARIES, "torch"), seed=SEED),
        machine=machine.describe(),
        **networks(arguments.rounds),
        photographs=photographs(arguments.picture, max(arguments.rounds // 6, 1)),
        rounds=arguments.rounds,
    )
    result.save(arguments.out, overwrite=True)
    arguments.out.with_suffix(".md").write_text(benchmark.markdown(tables(result), result))
