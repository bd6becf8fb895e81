"""Settings of training on the command line: ``--set NAME=VALUE``, and their list in ``--help``."""

import inspect
import re
from collections.abc import Callable, Iterable
from textwrap import fill

from msgspec.structs import fields

from genderscope.core.errors import UsageError
from genderscope.training.settings import Settings


def parse(assignments: Iterable[str]) -> dict[str, object]:
    """Settings by name, their values as text; ``UsageError`` unless all are written NAME=VALUE."""
    settings: dict[str, object] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise UsageError(f"--set {assignment}: write NAME=VALUE")
        settings[name.replace("-", "_")] = value
    return settings


def listed(command: Callable[..., None]) -> None:
    """Append the settings, their defaults and descriptions to the help of a command."""
    attributes = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", inspect.getdoc(Settings) or "", re.M)
    defaults = {field.name: field.default for field in fields(Settings)}
    lines = []
    for name, text in attributes:
        default = defaults[name]
        value = f" [{default}]" if isinstance(default, str | int | float) else ""
        words = " ".join(text.replace("``", "").split())
        lines += [f"{name}{value}", fill(words, 76, initial_indent="  ", subsequent_indent="  ")]
    heading = "Settings for --set:\n\n\b\n"
    command.__doc__ = f"{inspect.getdoc(command)}\n\n{heading}" + "\n".join(lines)
