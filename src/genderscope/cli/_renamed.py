"""Commands and options that were renamed: the old names work for one version, with a notice."""

from collections.abc import Collection

import typer

COMMANDS = {"check-leaks": ["leakage"], "model-card": ["card", "--write"]}
"""Old command: the new one, and what is added to its arguments."""

OPTIONS = {
    "classify": {"--predictions": "--save-predictions"},
    "evaluate": {"--predictions": "--save-predictions", "--search-again": "--redetect"},
    "prepare": {"--spec": "--preset", "--alter": "--counterfactual"},
    "train": {
        "--altered": "--occlusions",
        "--altered-share": "--occlusion-share",
        "--start": "--init-from",
    },
}
"""Command: its old options and their new names."""


def command(arguments: list[str], commands: Collection[str]) -> list[str]:
    """The arguments of the whole command line, its first one the command, under the new name."""
    old, *rest = arguments
    if old in commands or old not in COMMANDS:
        return arguments
    new, *added = COMMANDS[old]
    _notice(old, " ".join(COMMANDS[old]))
    return [new, *added, *rest]


def options(name: str, arguments: list[str], options: Collection[str]) -> list[str]:
    """The arguments of a command with the new names of its options.

    Args:
        options: what the command takes. Only names that it lacks are translated.
    """
    renamed = {
        old: new
        for old, new in OPTIONS.get(name, {}).items()
        if new in options and old not in options
    }
    end = arguments.index("--") if "--" in arguments else len(arguments)
    translated = list(arguments)
    for position, argument in enumerate(arguments[:end]):
        old, equals, value = argument.partition("=")
        if old in renamed:
            _notice(old, renamed[old])
            translated[position] = f"{renamed[old]}{equals}{value}"
    return translated


def _notice(old: str, new: str) -> None:
    typer.echo(f"genderscope: {old} is now called {new}; the next version drops {old}", err=True)
