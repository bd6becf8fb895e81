"""Shared by the tables: result files and number formats."""

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
    """The content of a JSON file in results/."""
    return json.loads(RESULTS.joinpath(*names).read_text())


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def between(interval: Sequence[float]) -> str:
    return "–".join(map(percent, interval))


def estimate(estimate: Estimate, bold: str = "") -> str:
    """A share with its interval, in percent; ``bold`` is markup around the number."""
    if estimate.value is None or estimate.interval is None:
        return "n too small"
    return f"{bold}{percent(estimate.value)}{bold} ({between(estimate.interval)})"


def row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"
