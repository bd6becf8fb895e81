from pathlib import Path
from typing import Annotated

from typer import Option, echo

from genderscope.cli._options import Output, expanded

PANEL = "Use"


@expanded
def demo(
    out: Annotated[Path, Option(metavar="FILE", dir_okay=False), Output()] = Path(
        "genderscope-demo.jpg"
    ),
) -> None:
    """Classify a public-domain portrait from the package.

    Args:
        out: output file for the annotated portrait.
    """
    from genderscope import api
    from genderscope.core.types import Frame, Scene
    from genderscope.imaging import decode
    from genderscope.imaging.draw import draw
    from genderscope.sinks import annotate, table

    image = decode.read(decode.PORTRAIT)
    results = api.load()(image)
    annotate.save(draw(image, results), out)
    with table.create() as sink:
        sink.write(Scene(Frame(decode.PORTRAIT.name, image), tuple(results)))
    echo(f"The annotated portrait is in {out.resolve()}")
