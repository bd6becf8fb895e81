"""A plug-in is one file: in this package, in a user's folder, or in another package.

Commands and explainers come from this package alone. The ``KINDS`` also come from the folders in
``GENDERSCOPE_PLUGINS``, as ``<folder>/<kind>/<name>.py``, and from entry points of the group
``genderscope.<kind>``. Built-in names take precedence. See docs/plugins.md.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from importlib import import_module, util
from pathlib import Path
from types import ModuleType
from zlib import crc32

from genderscope.core.errors import UsageError

FOLDERS = "GENDERSCOPE_PLUGINS"
PACKAGE = "genderscope_plugins"


@dataclass(frozen=True, slots=True)
class Kind:
    """What an external plug-in must define, and the defaults of what it may define."""

    required: str
    defaults: dict[str, object] = field(default_factory=dict)


_UNKNOWN = "not stated"
_FACTS = dict.fromkeys(("LABELS", "LICENCE", "WHERE", "LAYOUT"), _UNKNOWN)
KINDS = {
    "detectors": Kind("create"),
    "datasets": Kind(
        "read", {"TITLE": "a plug-in's data set", "SIZE": None, "SPLITS": ("all",), **_FACTS}
    ),
    "sinks": Kind("create"),
    "models": Kind("create", {"SOURCE": _UNKNOWN}),
    "counterfactuals": Kind("CONDITIONS", {"KIND": "worn"}),
}


def names(package: str) -> list[str]:
    """The plug-ins of ``genderscope.<package>``, sorted, without importing any of them.

    A name that starts with an underscore is shared code.
    """
    return sorted({*_built_in(package), *_external(package)})


def load(package: str, name: str) -> ModuleType:
    """Import one plug-in; ``UsageError`` if absent, not importable, or lacks its required name."""
    if name in _built_in(package):
        return import_module(f"genderscope.{package}.{name}")
    kind, external = package.rpartition(".")[2], _external(package)
    if name not in external:
        raise UsageError(
            f"no {kind.removesuffix('s')} {name!r}; there are: {', '.join(names(package))}"
        )
    try:
        module = external[name]()
    except Exception as error:  # a plug-in's code may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise UsageError(f"the plug-in {name!r} cannot be imported: {reason}") from error
    if not hasattr(module, KINDS[kind].required):
        raise UsageError(f"the plug-in {name!r} does not define {KINDS[kind].required}")
    for attribute, value in KINDS[kind].defaults.items():
        if not hasattr(module, attribute):
            setattr(module, attribute, value)
    return module


def _built_in(package: str) -> list[str]:
    return _stems(Path(__file__).parents[1].joinpath(*package.split(".")))


def _stems(folder: Path) -> list[str]:
    return [file.stem for file in folder.glob("*.py") if not file.stem.startswith("_")]


def _external(package: str) -> dict[str, Callable[[], ModuleType]]:
    """Loaders of the external plug-ins by name; folders take precedence over entry points."""
    kind = package.rpartition(".")[2]
    if kind not in KINDS:
        return {}
    folders = [folder for folder in os.environ.get(FOLDERS, "").split(os.pathsep) if folder]
    files = {
        stem: partial(_from_file, kind, Path(folder, kind, f"{stem}.py").absolute())
        for folder in reversed(folders)
        for stem in _stems(Path(folder, kind))
    }
    return _entry_points(f"genderscope.{kind}") | files


@cache
def _entry_points(group: str) -> dict[str, Callable[[], ModuleType]]:
    from importlib.metadata import entry_points  # slow to import

    return {point.name: point.load for point in entry_points(group=group)}


def _from_file(kind: str, file: Path) -> ModuleType:
    # A package for each folder, so that plug-ins can import the code that they share.
    package = f"{PACKAGE}.{kind}_{crc32(os.fsencode(file.parent)):08x}"
    name = f"{package}.{file.stem}"
    if name in sys.modules:
        return sys.modules[name]
    for parent, path in ((PACKAGE, []), (package, [str(file.parent)])):
        sys.modules.setdefault(parent, ModuleType(parent)).__path__ = path
    specification = util.spec_from_file_location(name, file)
    assert specification is not None  # it ends in .py
    assert specification.loader is not None
    module = util.module_from_spec(specification)
    sys.modules[name] = module  # dataclasses look their module up here
    try:
        specification.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
