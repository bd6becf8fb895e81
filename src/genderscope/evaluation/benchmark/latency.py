"""Comparable latencies: calls take turns, round after round, so that a slow phase of the machine
slows all of them, and pairs are compared within rounds.
"""

from collections.abc import Callable, Mapping
from time import perf_counter_ns

import numpy as np

from genderscope.core.types import Floats
from genderscope.evaluation.benchmark.results import Ratio, Timing
from genderscope.evaluation.metrics import RESAMPLES, percentiles

Call = Callable[[], object]
WARM_UP_ROUNDS = 2


def take_turns(calls: Mapping[str, Call], rounds: int, repeats: int) -> dict[str, Floats]:
    """Time calls in turn, (rounds, repeats) seconds by name; each round starts with the next call.

    The first call of a turn, which refills the caches, and the warm-up rounds are discarded.
    """
    seconds = {name: np.empty((rounds, repeats)) for name in calls}
    names = list(calls)
    for turn in range(-WARM_UP_ROUNDS, rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            call = calls[name]
            call()
            for repeat in range(repeats):
                start = perf_counter_ns()
                call()
                seconds[name][max(turn, 0), repeat] = (perf_counter_ns() - start) / 1e9
    return seconds


def summary(seconds: Floats, faces: int) -> Timing:
    """The timing of calls with ``faces`` faces each."""
    median, p95 = (np.quantile(seconds, [0.5, 0.95]) * 1e3 / faces).tolist()
    return Timing(median_ms=median, p95_ms=p95, faces_per_s=1e3 / median, calls=seconds.size)


def ratio(a: Floats, b: Floats, seed: int) -> Ratio:
    """A's time divided by B's, each (rounds, repeats) seconds of the same rounds and faces."""
    ratios = np.median(a, axis=1) / np.median(b, axis=1)
    drawn = np.random.default_rng(seed).choice(ratios, (RESAMPLES, len(ratios)))
    low, high = percentiles(np.median(drawn, axis=1)).tolist()
    return Ratio(value=float(np.median(ratios)), interval=(low, high), rounds=len(ratios))
