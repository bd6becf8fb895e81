"""``genderscope models``: what is shipped, and what can be pulled."""

from enum import StrEnum
from typing import Annotated

import typer


class Action(StrEnum):
    PULL = "pull"


def models(
    action: Annotated[
        Action | None, typer.Argument(help="pull: download what is not part of the package.")
    ] = None,
    name: Annotated[str | None, typer.Argument(help="What to pull, such as yunet.")] = None,
) -> None:
    """List the shipped models, or download a detector's weights: models pull yunet.

    A download comes from its official address and is kept only if its SHA-256 is the pinned one.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from genderscope import classifier, downloads
    from genderscope.contracts import UsageError

    if action is Action.PULL:
        if name is None:
            raise UsageError(f"say what to pull: {', '.join(downloads.DOWNLOADS)}")
        typer.echo(f"{name} lies at {downloads.pull(name)}")
        return

    table = Table("model", "parameters", "multiply-adds", "file", "input", box=box.SIMPLE)
    sources = []
    for shipped in classifier.shipped():
        model = classifier.Classifier.load(shipped)
        spec, data = model.spec, model.metadata["data"]
        table.add_row(
            model.name,
            f"{model.metadata['parameters']:,}",
            f"{model.metadata['multiply_adds'] / 1e6:.1f} M",
            f"{(classifier.WEIGHTS / f'{shipped}.onnx').stat().st_size / 1e3:,.0f} kB",
            f"{spec.size}x{spec.size} {spec.colour}, {spec.name}",
        )
        sources.append(
            f"{model.name}: {model.metadata['source']}; "
            f"trained on {data['name']} ({data['licence']})"
        )
    console = Console()
    console.print(table)
    for source in sources:
        console.print(source, soft_wrap=True, highlight=False)
    for pulled, download in downloads.DOWNLOADS.items():
        place = downloads.find(pulled)
        state = f"at {place}" if place else f"not here: genderscope models pull {pulled}"
        console.print(f"detector {pulled} ({download.licence}): {state}", soft_wrap=True)
