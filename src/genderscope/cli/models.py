from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option, echo

from genderscope.cli import _output
from genderscope.cli._options import expanded
from genderscope.core.errors import UsageError

PANEL = "Use"


@expanded
def models(
    action: Annotated[Literal["pull"] | None, Argument()] = None,
    name: Annotated[str | None, Argument()] = None,
    file: Annotated[Path | None, Option("--from", metavar="FILE", exists=True)] = None,
) -> None:
    """List the shipped models, or download a detector.

    Downloads come from the official address and are checked against a pinned SHA-256.

    Args:
        action: with pull, download a detector that is not in the package.
        name: detector to download, such as yunet.
        file: install this file instead of downloading it.
    """
    from rich.table import Column, Table

    from genderscope.detection import downloads
    from genderscope.inference import classifier

    if file and not action:
        raise UsageError("--from requires pull: genderscope models pull yunet --from FILE")
    if action:
        if name is None:
            raise UsageError(f"name a detector to pull: {', '.join(downloads.DOWNLOADS)}")
        url = file.absolute().as_uri() if file else None
        echo(f"{name} is at {downloads.pull(name, url)}")
        return

    name_column = Column("model", no_wrap=True)
    table = Table(name_column, "parameters", "multiply-adds", "file", "input")
    notes = [f"{alias}: another name of {model}" for alias, model in classifier.ALIASES.items()]
    for shipped in sorted([*classifier.shipped(), *classifier.quantised()]):
        model = classifier.Classifier.load(shipped)
        spec, metadata = model.spec, model.metadata
        table.add_row(
            model.name,
            f"{metadata.parameters:,}",
            f"{metadata.multiply_adds / 1e6:.1f} M",
            f"{(classifier.WEIGHTS / f'{shipped}.onnx').stat().st_size / 1e3:,.0f} kB",
            f"{spec.size}x{spec.size} {spec.colour}, {spec.name}",
        )
        if metadata.quantisation:
            change = metadata.quantisation.accuracy_difference
            points, low, high = (f"{100 * v:+.2f}" for v in (change.difference, *change.interval))
            notes.append(
                f"{model.name}: in integers; {points} points of accuracy ({low} to {high}) on "
                f"{change.n:,} held-out faces"
            )
        elif data := metadata.data:
            licence = f"trained on {data.name} ({data.licence})"
            notes.append(f"{model.name}: {metadata.source}; {licence}")
    _output.show(table)
    for note in notes:
        echo(note)
    for pulled, download in downloads.DOWNLOADS.items():
        place = downloads.find(pulled)
        state = f"at {place}" if place else f"not installed: genderscope models pull {pulled}"
        echo(f"detector {pulled} ({download.licence}): {state}")
