"""How each shipped model was trained: ``<name>.toml``, settings of a run by name.

The comment at a recipe's top gives its command; a shipped model's record has its time and what came
of it. ``teachers`` and ``start`` are recipes themselves. Knows nothing of crops.
"""

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from genderscope.core.errors import UsageError
from genderscope.training.augment import Augmentation
from genderscope.training.task import Settings

FOLDER = Path(__file__).parent


def names() -> list[str]:
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def read(recipe: str) -> dict[str, Any]:
    """The options of a recipe: a shipped one's name or a file's path.

    Raises:
        UsageError: there is none, or it is no TOML.
    """
    file = FOLDER / f"{recipe}.toml" if recipe in names() else Path(recipe)
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        there = ", ".join(names())
        raise UsageError(f"no recipe {recipe!r}: give a .toml file or one of {there}") from error
    except ValueError as error:
        raise UsageError(f"{file} is no TOML: {error}") from error


def settings(options: dict[str, Any], runs: Path) -> Settings:
    """The settings that options mean.

    Args:
        options: fields of ``Settings``; ``augmentation`` is a strength, 1 where it is not given, or
            a table of ``Augmentation``'s fields. ``preset`` belongs to the crops.
        runs: the folder in which the runs of teachers and of the start lie.

    Raises:
        UsageError: an option that no run has.
    """
    known = [field.name for field in fields(Settings)]
    options = {name: value for name, value in options.items() if name != "preset"}
    if unknown := options.keys() - set(known):
        raise UsageError(f"no setting {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    changed = {
        "augmentation": Augmentation(**strength)
        if isinstance(strength := options.get("augmentation", 1), dict)
        else Augmentation().times(strength),
        "teachers": tuple(str(runs / teacher) for teacher in options.get("teachers", ())),
        "start": str(runs / options["start"]) if "start" in options else None,
    }
    return Settings(**options | changed)
