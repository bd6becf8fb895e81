"""Optional dependencies, imported only where they are needed."""

from importlib import import_module
from types import ModuleType

from genderscope.core.errors import MissingExtra


def require(module: str, extra: str) -> ModuleType:
    """Import ``module``, or say in one line which extra brings it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"this needs {error.name}: pip install 'genderscope[{extra}]'"
        ) from error
