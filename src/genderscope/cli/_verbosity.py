"""How much a command prints on standard error, by ``-q`` and ``-v``."""

import typer

quiet = False
verbose = False


def note(text: str) -> None:
    """Print a line, unless ``-q`` was given."""
    if not quiet:
        typer.echo(text, err=True)


def detail(text: str) -> None:
    """Print a line if ``-v`` was given."""
    if verbose:
        typer.echo(text, err=True)
