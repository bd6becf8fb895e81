"""Does memory stay flat: the live loop over a looped file for minutes, its memory beside it.

Knows nothing of the command line.
"""

import os
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

from genderscope.core.errors import UsageError
from genderscope.core.protocols import Sink
from genderscope.video import Live, cameras

STATM = Path("/proc/self/statm")


def resident_bytes() -> int:
    """The memory that this process has in use (its resident set).

    Raises:
        UsageError: this system does not say.
    """
    try:
        pages = int(STATM.read_text().split()[1])
    except OSError as error:
        raise UsageError(f"memory is read from {STATM}, which only Linux has") from error
    return pages * os.sysconf("SC_PAGE_SIZE")


def soak(
    source: str, live: Live, seconds: float, sinks: Sequence[Sink] = (), samples: int = 120
) -> dict[str, Any]:
    """Run the loop over a recorded source again and again, and watch this process's memory.

    Args:
        seconds: how long.
        sinks: take every scene; opened and closed by the caller.
        samples: how often memory is looked at.

    Returns:
        ``seconds``, ``frames``, ``frames_per_s``, ``memory_mib`` (the samples in turn), ``growth``:
        the median of the last fifth over that of the second fifth, minus 1; the first fifth is
        the warm-up.

    Raises:
        SourceError: the source cannot be read.
        UsageError: this system does not say how much memory a process has.
    """
    memory: list[int] = [resident_bytes()]
    frames = 0
    began = time.monotonic()
    with (
        closing(iter(cameras.open_source(source, loop=True))) as stream,
        closing(live.stream(stream)) as scenes,
    ):
        for scene in scenes:
            for sink in sinks:
                sink.write(scene)
            frames += 1
            spent = time.monotonic() - began
            if spent >= seconds * len(memory) / samples:
                memory.append(resident_bytes())
            if spent >= seconds:
                break
    fifth = max(len(memory) // 5, 1)
    return {
        "seconds": spent,
        "frames": frames,
        "frames_per_s": frames / spent,
        "memory_mib": [round(sample / 2**20, 1) for sample in memory],
        "growth": median(memory[-fifth:]) / median(memory[fifth : 2 * fifth]) - 1,
    }
