"""Checks of arguments; a ``UsageError`` names the argument and its value."""

import os
from contextlib import suppress
from math import inf
from numbers import Real
from operator import index
from pathlib import Path
from typing import SupportsIndex

from genderscope.core.errors import UsageError


def whole(name: str, value: SupportsIndex, least: int, most: float = inf) -> int:
    """An integer of any type, such as NumPy's, but not a bool, from ``least`` to ``most``."""
    with suppress(TypeError):
        if not isinstance(value, bool) and least <= index(value) <= most:
            return index(value)
    limits = f"of at least {least}" if most == inf else f"from {least} to {most:,}"
    raise UsageError(f"{name} must be a whole number {limits}, not {value!r}")


def number(name: str, value: float, most: int, unit: str = "") -> float:
    """A number of any type, but not a bool, from 0 to ``most``."""
    if isinstance(value, Real) and not isinstance(value, bool) and 0 <= value <= most:
        return float(value)
    raise UsageError(f"{name} must be a number from 0 to {most}{unit}, not {value!r}")


def positive(name: str, value: float) -> float:
    """A positive and finite number of any type, but not a bool."""
    if isinstance(value, Real) and not isinstance(value, bool) and 0 < value < inf:
        return float(value)
    raise UsageError(f"{name} must be positive and finite, not {value!r}")


def word(name: str, value: str) -> str:
    """A non-empty string."""
    if isinstance(value, str) and value:
        return value
    raise UsageError(f"{name} must be a name, not {value!r}")


def path(name: str, value: str | os.PathLike[str]) -> Path:
    """A non-empty path."""
    with suppress(TypeError):
        if os.fspath(value):
            return Path(value)
    raise UsageError(f"{name} must be a path, not {value!r}")
