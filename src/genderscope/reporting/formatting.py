"""Numbers as text: shares in percent, differences in points, intervals in brackets."""

from collections.abc import Sequence

from genderscope.core.results import Estimate
from genderscope.evaluation.metrics.groups import NOT_STATED as NOT_STATED

TOO_SMALL = "n too small"

LONGEST_NAME = 48


def shortened(line: str) -> str:
    """A name, truncated."""
    return line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"


def percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def between(interval: Sequence[float]) -> str:
    """An interval of shares, in percent."""
    return " to ".join(f"{100 * end:.1f}" for end in interval)


def points(difference: float) -> str:
    """A difference of shares in points, with its sign."""
    return f"{round(100 * difference, 1) + 0.0:+.1f}"


def with_interval(number: str, interval: Sequence[float]) -> str:
    """A number with its interval in percent; table cells do not break within the interval."""
    return f"{number} ({between(interval)})".replace(" to ", "\u00a0to\u00a0")


def share(estimate: Estimate) -> str:
    """A share in percent without the percent sign, with its interval."""
    if estimate.value is None:
        return TOO_SMALL if estimate.n else "-"
    number = f"{100 * estimate.value:.1f}"
    return with_interval(number, estimate.interval) if estimate.interval else number


def change(estimate: Estimate) -> str:
    """A difference in points, with its interval."""
    if estimate.value is None or estimate.interval is None:
        return "-"
    return with_interval(points(estimate.value), estimate.interval)


def times(ratio: float | None, interval: Sequence[float | None]) -> str:
    """``2.4 (1.6 to 3.3)``, or ``at least 1.6`` where the upper limit is infinite."""
    low, high = interval
    if ratio is None or high is None:
        return f"at least {low or 0:.1f}"
    return f"{ratio:.1f} ({low or 0:.1f}\u00a0to\u00a0{high:.1f})"
