"""``genderscope card``: print the card of a shipped model."""

from typing import Annotated

import typer


def card(
    model: Annotated[str, typer.Argument(help="A shipped model's name.")] = "mini_xception",
) -> None:
    """Print what a shipped model is for, what it is not for, and how it errs, in Markdown."""
    from genderscope.reporting import cards

    typer.echo(cards.read(model), nl=False)
