"""What the tables share: where the results are, and the format of numbers."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from genderscope.core.results import Estimate

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # experiments and benchmarks
RESULTS = ROOT / "results"


def result(*names: str) -> Any:
    """What a command measured: a JSON file of results/."""
    return json.loads(RESULTS.joinpath(*names).read_text())


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def between(interval: Sequence[float]) -> str:
    return "–".join(map(percent, interval))


def estimate(estimate: Estimate, bold: str = "") -> str:
    """A share with its interval, in percent; ``bold`` is put around the number."""
    if estimate.value is None or estimate.interval is None:
        return "n too small"
    return f"{bold}{percent(estimate.value)}{bold} ({between(estimate.interval)})"


def row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"
