"""Commands and options that were renamed: the old names work for one version, with a notice."""

from collections.abc import Collection

import typer

COMMANDS = {"check-leaks": ["leakage"], "model-card": ["card", "--write"]}
"""Old command: the new one, and arguments to add to it."""

SETTINGS = (
    *("model", "epochs", "batch_size", "learning_rate", "muon_rate", "small_share"),
    *("weight_decay", "label_smoothing", "augmentation", "mixup", "age_weight", "ema_decay"),
    *("teacher_weight", "validation_ratio", "balance", "seed"),
)
"""Settings of train that were options."""

OPTIONS = {
    "classify": {"--predictions": "--save-predictions"},
    "evaluate": {"--predictions": "--save-predictions", "--search-again": "--redetect"},
    "prepare": {"--spec": "--preset", "--alter": "--counterfactual"},
    "train": {"--altered": "--occlusions", "--start": "--init-from"}
    | {f"--{name.replace('_', '-')}": f"--set {name}" for name in SETTINGS}
    | {"--altered-share": "--set occlusion_share"},
}
"""Command: its old options and their new names, or ``--set NAME`` for ``--set NAME=VALUE``."""


def command(arguments: list[str], commands: Collection[str]) -> list[str]:
    """The whole command line's arguments, command first, with the command's new name."""
    old, *rest = arguments
    if old in commands or old not in COMMANDS:
        return arguments
    new, *added = COMMANDS[old]
    _notice(old, " ".join(COMMANDS[old]))
    return [new, *added, *rest]


def options(name: str, arguments: list[str], options: Collection[str]) -> list[str]:
    """A command's arguments with old names replaced; ``options`` are its present options."""
    renamed = {
        old: new
        for old, new in OPTIONS.get(name, {}).items()
        if new.partition(" ")[0] in options and old not in options
    }
    translated: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        old, equals, value = argument.partition("=")
        if argument == "--":
            return [*translated, argument, *rest]
        if old in renamed:
            _notice(old, renamed[old])
            option, _, setting = renamed[old].partition(" ")
            argument = f"{option}{equals}{value}"
            if setting:
                argument = f"{option}={setting}={value if equals else next(rest, '')}"
        translated.append(argument)
    return translated


def _notice(old: str, new: str) -> None:
    typer.echo(f"genderscope: {old} is now called {new}; the next version drops {old}", err=True)
