"""``genderscope model-card``: write a model's card from its result files."""

from pathlib import Path
from typing import Annotated

import typer

PANEL = "Measure"


def model_card(
    model: Annotated[str, typer.Argument(help="A shipped model's name or an .onnx file's path.")],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.md", dir_okay=False, help="Where to.  [default: beside the model]"
        ),
    ] = None,
) -> None:
    """Write the card of a model: uses, limits and errors.

    The numbers are those of the model's metadata and of the result files beside it, which evaluate
    and counterfactuals write as MODEL.DATA.DETECTOR.json and MODEL.counterfactuals.json.
    """
    from genderscope.core.storage import write_whole
    from genderscope.inference.classifier import find
    from genderscope.reporting import cards

    text = cards.card(model)
    out = out or find(model).with_suffix(cards.SUFFIX)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, text.encode())
    typer.echo(str(out))
