"""``genderscope demo``: classify a portrait from the package."""

from pathlib import Path
from typing import Annotated

import typer

PANEL = "Use"


def demo(
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Write the annotated portrait here.")
    ] = Path("genderscope-demo.jpg"),
) -> None:
    """Classify a public-domain portrait from the package."""
    from genderscope.core.types import Frame, Scene
    from genderscope.imaging import decode
    from genderscope.imaging.draw import draw
    from genderscope.inference import pipeline
    from genderscope.sinks import annotate, table

    portrait = Path(__file__).parents[1] / "imaging" / "samples" / "astronaut.jpg"
    image = decode.read(portrait)
    results = pipeline.load()(image)
    annotate.save(draw(image, results), out)
    with table.create() as sink:
        sink.write(Scene(Frame(portrait.name, image), tuple(results)))
    typer.echo(f"The annotated portrait is in {out.resolve()}")
