"""One thread's peak throughput; run in its own process, as NumPy reads thread limits on import."""

import sys
from collections.abc import Callable
from functools import partial
from timeit import repeat

import msgspec
import numpy as np

from genderscope.evaluation.benchmark.results import Ceiling

SIDES = (512, 1024, 2048)
COPIED_BYTES = 64 * 2**20
REPEATS = 7


def measure() -> Ceiling:
    """The fastest of several large float32 matrix products and copies."""
    draw = np.random.default_rng(0)
    gflops = {}
    for side in SIDES:
        a, b = draw.random((2, side, side), np.float32)
        seconds = _best(partial(np.matmul, a, b, out=np.empty_like(a)))
        gflops[str(side)] = 2 * side**3 / seconds / 1e9
    source = np.ones(COPIED_BYTES, np.uint8)
    target = np.empty_like(source)
    return Ceiling(
        matrix_gflops=gflops,
        best_gflops=max(gflops.values()),
        copy_gbytes_per_s=2 * COPIED_BYTES / _best(partial(np.copyto, target, source)) / 1e9,
    )


def _best(call: Callable[[], object]) -> float:
    """The seconds of the fastest of several calls."""
    return min(repeat(call, number=1, repeat=REPEATS))


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(measure()))
