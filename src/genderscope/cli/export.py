"""``genderscope export``: a finished training run as a model file, once more."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder that train wrote.")],
    cache: Annotated[Path, typer.Option(metavar="DIR", help="The crops that it was trained on.")],
) -> None:
    """Fit the confidence of a trained network again and write its .onnx file, as train does.

    The file is kept only if ONNX Runtime agrees with torch. Needs the extra [lab].
    """
    from genderscope.contracts import require
    from genderscope.crops import Crops

    require("lightning", "lab")
    from genderscope.lab.ship import ship

    typer.echo(str(ship(run, Crops(cache))))
