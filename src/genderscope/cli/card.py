"""``genderscope card``: print the card of a shipped model."""

from typing import Annotated

import typer

PANEL = "Measure"


def card(
    model: Annotated[str, typer.Argument(help="A shipped model's name.")] = "mini_xception",
) -> None:
    """Print the card of a model: uses, limits and errors."""
    from genderscope.reporting import cards

    typer.echo(cards.read(model), nl=False)
