from pathlib import Path
from typing import Annotated

from typer import Argument, Option, echo

from genderscope.cli._options import Output, expanded
from genderscope.core.errors import UsageError

PANEL = "Measure"


@expanded
def card(
    model: Annotated[str, Argument()] = "mini_xception",
    write: bool = False,
    out: Annotated[Path | None, Option(metavar="FILE.md", dir_okay=False), Output()] = None,
) -> None:
    """Print or regenerate the card of a model.

    With --write, the numbers come from the model's metadata and from the result files beside it:
    MODEL.DATA.DETECTOR.json of evaluate, and MODEL.counterfactuals.json of counterfactuals.

    Args:
        model: name of a shipped model, or path of an .onnx file.
        write: regenerate the card from the model's result files.
        out: output file of --write.  [default: beside the model]
    """
    from genderscope.core.storage import write_whole
    from genderscope.inference.classifier import CARD, find
    from genderscope.reporting import cards

    if not write:
        if out:
            raise UsageError("--out requires --write")
        echo(cards.read(model), nl=False)
        return
    text = cards.card(model)
    out = out or find(model).with_suffix(CARD)
    write_whole(out, text.encode())
    echo(str(out))
