"""The same face in other conditions, one file a family: with glasses, in the dark, blurred.

A family has a ``KIND`` and ``CONDITIONS``, functions by their names that take a picture (h, w, 3)
uint8 BGR, a face and a seed and give the altered picture; adding one means adding a file. What is
drawn is placed by the face's five landmarks, on a head that is turned as they are; a face without
them is taken to look straight ahead out of its box. Knows nothing of models.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np

from genderscope.core import plugins
from genderscope.core.errors import UsageError
from genderscope.core.types import Face, Image

KINDS = ("worn", "cue", "light", "camera")
"""Things that people put on; cues by which people read gender presentation, so that an answer may
well change with them; light; and what cameras do."""
RANDOM = "random"


@dataclass(frozen=True, slots=True)
class Condition:
    """One way in which a picture of a face could have been otherwise.

    Attributes:
        kind: one of ``KINDS``.
        alter: picture, face and seed to the altered picture; the same seed gives the same pixels.
    """

    name: str
    kind: str
    alter: Callable[[Image, Face, int], Image]


@cache
def conditions() -> dict[str, Condition]:
    """All conditions by their names, by kind."""
    families = [
        plugins.load("data.counterfactuals", name) for name in plugins.names("data.counterfactuals")
    ]
    families.sort(key=lambda family: KINDS.index(family.KIND))
    return {
        name: Condition(name, family.KIND, alter)
        for family in families
        for name, alter in family.CONDITIONS.items()
    }


def chosen(names: str) -> list[Condition]:
    """Conditions by their names with commas between, or ``all``.

    Raises:
        UsageError: there is no such condition; the message lists those there are.
    """
    known = conditions()
    if names == "all":
        return list(known.values())
    wanted = [name.strip() for name in names.split(",")]
    if unknown := [name for name in wanted if name not in known]:
        raise UsageError(f"no condition {unknown[0]!r}; there are: all, {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(wanted)]


def picture_seed(file: Path, seed: int) -> int:
    """A seed for one picture: its name decides, and not its place in a row of pictures."""
    return crc32(file.name.encode(errors="surrogateescape"), seed)


def alter(picture: Image, face: Face, name: str, seed: int) -> Image:
    """A picture in a condition, or with ``random`` in one of those that are worn, by the seed.

    Raises:
        UsageError: there is no such condition.
    """
    if name == RANDOM:
        worn = [condition for condition in conditions().values() if condition.kind == "worn"]
        condition = worn[np.random.default_rng((seed, 1)).integers(len(worn))]
    else:
        [condition] = chosen(name)
    return condition.alter(picture, face, seed)
