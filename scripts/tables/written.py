"""What the tables share: where results lie, and how numbers are written."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
NOT_MEASURED = "Not measured yet."


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def between(interval: list[float]) -> str:
    return "–".join(map(percent, interval))
