"""A plug-in is a file: what a package of plug-ins holds, and how one is loaded by its name.

Knows nothing of what the plug-ins do. Adding a data set, a detector, a sink, a network or a command
means adding one file to its folder; nothing else lists them.
"""

from importlib import import_module
from pathlib import Path
from types import ModuleType

from genderscope.core.errors import UsageError


def names(package: str) -> list[str]:
    """The plug-ins in ``genderscope.<package>``, sorted, without importing any of them.

    A file whose name starts with an underscore holds what several of them share, and is none.
    """
    folder = Path(__file__).parents[1].joinpath(*package.split("."))
    return sorted(file.stem for file in folder.glob("*.py") if not file.stem.startswith("_"))


def load(package: str, name: str) -> ModuleType:
    """Import one plug-in.

    Raises:
        UsageError: no file has that name; the message lists those there are.
    """
    known = names(package)
    if name not in known:
        raise UsageError(
            f"no {name!r} in {package.rpartition('.')[2]}; there are: {', '.join(known)}"
        )
    return import_module(f"genderscope.{package}.{name}")
