"""``genderscope card``: print or write the card of a model."""

from pathlib import Path
from typing import Annotated

import typer

PANEL = "Measure"


def card(
    model: Annotated[
        str, typer.Argument(help="A shipped model's name or an .onnx file's path.")
    ] = "mini_xception",
    write: Annotated[
        bool, typer.Option("--write", help="Make the card anew, from the model's result files.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.md", dir_okay=False, help="With --write.  [default: beside the model]"
        ),
    ] = None,
) -> None:
    """Print the card of a model: uses, limits and errors.

    With --write, the numbers are those of the model's metadata and of the result files beside it,
    which evaluate and counterfactuals write as MODEL.DATA.DETECTOR.json and
    MODEL.counterfactuals.json.
    """
    from genderscope.core.errors import UsageError
    from genderscope.core.storage import write_whole
    from genderscope.inference.classifier import find
    from genderscope.reporting import cards

    if not write:
        if out:
            raise UsageError("--out goes with --write")
        typer.echo(cards.read(model), nl=False)
        return
    text = cards.card(model)
    out = out or find(model).with_suffix(cards.SUFFIX)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, text.encode())
    typer.echo(str(out))
