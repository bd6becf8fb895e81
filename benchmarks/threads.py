"""Threads for one network: speed and busy cores by the number of faces per call.

    python -m benchmarks.threads --out results/benchmark/threads.json

Compares the classifier, which runs parts of a batch each on one thread, with ONNX Runtime's own
threads, which share each layer and wait for the next one busily ("spinning") or asleep.
"""

import argparse
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter, process_time, sleep

import numpy as np
import onnxruntime
from msgspec.structs import asdict

from benchmarks.results import Threads, ThreadTiming, provenance
from genderscope.core.types import Floats
from genderscope.evaluation.benchmark import machine
from genderscope.evaluation.benchmark.latency import ratio, summary, take_turns
from genderscope.imaging.preprocess import to_input
from genderscope.inference.classifier import AT_ONCE, Classifier, find
from genderscope.reporting import benchmark
from genderscope.reporting.page import Table

BATCHES = (1, 8, 64, 256)
# Consecutive calls of each way in each round.
REPEATS = {1: 20, 8: 5, 64: 2, 256: 1}
SEED = 0
WHOLE = "one thread, all faces at once"
SPINNING = "threads that share layers, spinning"


def session(file: Path, threads: int, spinning: bool = False) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def measure(model: str, batch: int, cores: int, rounds: int) -> dict[str, ThreadTiming]:
    """Each way with one batch size."""
    file, classifiers = find(model), [Classifier.load(model, count) for count in (1, cores)]
    spec = classifiers[0].spec
    shape = (batch, spec.size, spec.size, *([3] if spec.channels == 3 else []))
    crops = np.random.default_rng(SEED).integers(0, 256, shape, np.uint8)

    def at_once(session: onnxruntime.InferenceSession) -> object:
        return session.run(["logits"], {"faces": to_input(crops, spec)})

    calls: dict[str, Callable[[], object]] = {
        WHOLE: partial(at_once, session(file, 1)),
        f"one thread, {AT_ONCE} at once": partial(classifiers[0].logits, crops),
        f"threads that share parts of {AT_ONCE}": partial(classifiers[1].logits, crops),
        "threads that share layers, asleep": partial(at_once, session(file, cores)),
    }
    seconds = take_turns(calls, rounds, REPEATS[batch])
    # Measured separately: spinning threads would slow the others.
    calls[SPINNING] = partial(at_once, session(file, cores, spinning=True))
    seconds |= take_turns({SPINNING: calls[SPINNING]}, rounds, REPEATS[batch])
    return {
        name: ThreadTiming(
            **asdict(summary(taken, batch)),
            to_one_thread=ratio(taken, seconds[WHOLE], SEED),
            busy=busy(calls[name], taken),
        )
        for name, taken in seconds.items()
    }


def busy(call: Callable[[], object], seconds: Floats) -> float:
    """Processor seconds per second of a call; a pause of 5 ms after each call counts spinning."""
    wall_s = processor_s = 0.0
    for _ in range(max(int(1 / np.median(seconds) / 5), 5)):
        began, worked = perf_counter(), process_time()
        call()
        wall_s += perf_counter() - began
        sleep(5e-3)
        processor_s += process_time() - worked
    return processor_s / wall_s


def table(ways: dict[str, dict[str, ThreadTiming]]) -> Table:
    """One row for each way."""
    head, rows = ["way"], []
    for batch in ways:
        head += [f"ms per face, {batch} faces", "time / one thread's", "busy cores"]
    for name in ways[next(iter(ways))]:
        row = [name]
        for timing in (timings[name] for timings in ways.values()):
            row += [f"{timing.median_ms:.3f}", benchmark.ratio(timing.to_one_thread)]
            row += [f"{timing.busy:.2f}"]
        rows.append(row)
    return Table(head, rows, "From crops to logits; 95% intervals of the ratios (bootstrap).")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument(
        "--out", type=Path, required=True, help="JSON file; the Markdown is written next to it"
    )
    options.add_argument("--model", default="mini_xception")
    options.add_argument("--rounds", type=int, default=60)
    arguments = options.parse_args()
    cores = os.cpu_count() or 1
    ways = {str(b): measure(arguments.model, b, cores, arguments.rounds) for b in BATCHES}
    result = Threads(
        provenance=provenance("threads", seed=SEED),
        machine=machine.describe(),
        model=arguments.model,
        threads=cores,
        ways=ways,
        rounds=arguments.rounds,
    )
    result.save(arguments.out, overwrite=True)
    arguments.out.with_suffix(".md").write_text(benchmark.markdown([table(ways)], result))
