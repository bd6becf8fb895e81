"""Counterfactuals: the same face in other conditions, such as with glasses, in the dark or blurred.

Each file is a family of conditions. It defines ``KIND``, one of ``KINDS``, and ``CONDITIONS``: by
name, functions ``(picture, face, seed) -> picture`` of (h, w, 3) uint8 BGR. Objects are placed on a
head posed by the five landmarks; a face without landmarks is taken as frontal.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np

from genderscope.core import plugins
from genderscope.core.errors import UsageError
from genderscope.core.types import Face, Image

KINDS = ("worn", "cue", "light", "camera", "geometry")
"""Worn objects; cues of gender presentation, which may well change a prediction; light; effects of
cameras; and geometry, which mostly concerns the detector."""
ALL, RANDOM = "all", "random"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of one of ``KINDS``; ``apply`` gives the same pixels for the same seed."""

    name: str
    kind: str
    apply: Callable[[Image, Face, int], Image]


@cache
def conditions() -> dict[str, Condition]:
    """All conditions by their names, by kind."""
    package = "data.counterfactuals"
    families = [plugins.load(package, name) for name in plugins.names(package)]
    if unknown := [family.KIND for family in families if family.KIND not in KINDS]:
        raise UsageError(f"no kind of condition {unknown[0]!r}; there are: {', '.join(KINDS)}")
    named = Counter(name for family in families for name in family.CONDITIONS)
    if taken := [name for name in named if named[name] > 1 or name in (ALL, RANDOM, *KINDS)]:
        raise UsageError(
            f"the condition {taken[0]!r} of a plug-in has a name in use: choose another"
        )
    families.sort(key=lambda family: KINDS.index(family.KIND))
    return {
        name: Condition(name, family.KIND, apply)
        for family in families
        for name, apply in family.CONDITIONS.items()
    }


def select(names: str) -> list[Condition]:
    """Conditions by name or kind, separated by commas; ``all`` is all except geometry.
    ``UsageError`` if there is no such condition.
    """
    by_name = conditions()
    groups = {name: [each] for name, each in by_name.items()}
    for kind in KINDS:
        groups[kind] = [each for each in by_name.values() if each.kind == kind]
    groups[ALL] = [each for each in by_name.values() if each.kind != "geometry"]
    selection = [name.strip() for name in names.split(",")]
    if unknown := [name for name in selection if name not in groups]:
        available = ", ".join([ALL, *by_name, *KINDS])
        raise UsageError(f"no condition {unknown[0]!r}; there are: {available}")
    return list({each.name: each for name in selection for each in groups[name]}.values())


def condition(name: str) -> Condition:
    """A condition by its name; ``UsageError`` if there is none."""
    if name not in (by_name := conditions()):
        raise UsageError(f"no condition {name!r}; there are: {', '.join([RANDOM, *by_name])}")
    return by_name[name]


def picture_seed(file: Path, seed: int) -> int:
    """A seed for one picture, from its name, independent of its position in the data set."""
    return crc32(file.name.encode(errors="surrogateescape"), seed)


def apply(picture: Image, face: Face, name: str, seed: int) -> Image:
    """A picture in a condition, or a random worn one for ``random``; errors as ``condition``."""
    if name == RANDOM:
        worn = select("worn")
        chosen = worn[np.random.default_rng((seed, 1)).integers(len(worn))]
    else:
        chosen = condition(name)
    return chosen.apply(picture, face, seed)
