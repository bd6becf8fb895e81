"""``genderscope explain``: what a model looks at in the faces of pictures."""

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from genderscope.cli._options import Model, Output, PictureDetectorOptions, expanded

if TYPE_CHECKING:
    from genderscope.core.types import Image
    from genderscope.evaluation.explanations import Explanation
    from genderscope.inference.explainer import Explainer

PANEL = "Use"

MOST_ON_A_SHEET = 200
NAMED_REGIONS = 3


class Method(StrEnum):
    GUIDED = "guided"
    SALIENCY = "saliency"
    GRAD_CAM = "grad-cam"


class Label(StrEnum):
    WOMAN = "woman"
    MAN = "man"


@expanded
def explain(
    paths: Annotated[list[Path], Argument(metavar="PATH")],
    detection: PictureDetectorOptions,
    out: Annotated[Path | None, Option(metavar="DIR", file_okay=False), Output(shared=True)] = None,
    sheet: Annotated[Path | None, Option(metavar="FILE", dir_okay=False), Output()] = None,
    method: Method = Method.GUIDED,
    label: Annotated[Label | None, Option("--class")] = None,
    model: Model = "mini_xception",
) -> None:
    """Draw saliency maps of the faces in pictures.

    The table lists the face regions with most of the gradient energy. For what such maps can and
    cannot show, see docs/explanations.md. Exit codes: 0 all done, 1 some pictures failed,
    2 wrong usage.

    Args:
        paths: pictures and folders.
        out: output folder for one explained picture per input.
        sheet: contact sheet of all faces.
        method: explanation method; all but guided need the extra [lab].
        label: class to explain.  [default: the predicted class]
    """
    from rich import box
    from rich.table import Table

    from genderscope.cli import _pictures, printable
    from genderscope.cli._progress import console
    from genderscope.cli._verbosity import note
    from genderscope.core.errors import UsageError
    from genderscope.core.terminal import show
    from genderscope.core.types import LABELS
    from genderscope.evaluation import explanations
    from genderscope.imaging import decode, panels
    from genderscope.inference.explainer import EITHER
    from genderscope.sinks import annotate

    if out is None and sheet is None:
        raise UsageError("nothing to write: give --out DIR, --sheet FILE or both")
    if sheet:  # now, rather than at the end
        annotate.check(sheet)
    explainer = _explainer(model, method)
    detector = detection.create()
    if out:
        out.mkdir(exist_ok=True)
    table = Table("picture", "face", "prediction", "explained", "most energy", box=box.SIMPLE)
    table.columns[0].overflow = "fold"
    collected: list[Image] = []
    pictures = faces = failed = 0
    unread: Counter[str] = Counter()
    for frame in decode.frames(_pictures.named(map(str, paths)), avoid=out, unread=unread):
        pictures += 1
        name = printable(frame.path)
        if frame.image is None:
            failed += 1
            table.add_row(name, "failed")
            typer.echo(printable(frame.error or ""), err=True)
            continue
        explained = explanations.explain(
            frame.image, detector, explainer, EITHER if label is None else LABELS.index(label)
        )
        faces += len(explained)
        title = f"{printable(Path(frame.path).name)}, {method}"
        drawn = [one.panel(title) for one in explained]
        for number, one in enumerate(explained, start=1):
            table.add_row(name, str(number), *_cells(one))
        if not explained:
            table.add_row(name, "none")
        if out and drawn:
            annotate.save_new(
                panels.sheet(drawn), out, f"{Path(frame.path).stem}-explained", ".png"
            )
        if sheet:
            collected += drawn[: MOST_ON_A_SHEET - len(collected)]
    if sheet and collected:
        annotate.save(panels.sheet(collected), sheet)
    show(console(), table)
    left_out = faces - len(collected) if sheet else 0
    note(
        f"pictures: {pictures}, faces: {faces}, failed: {failed}"
        + (f"; {left_out} faces had no room on the sheet" if left_out else "")
    )
    if unread:
        note(_pictures.not_read(unread))
    if not pictures:
        typer.echo(f"no picture was found in {', '.join(map(str, paths))}", err=True)
    if failed or not pictures:
        raise typer.Exit(1)


def _explainer(model: str, method: Method) -> "Explainer":
    from tempfile import TemporaryDirectory

    from genderscope.core.extras import require
    from genderscope.inference.classifier import find
    from genderscope.inference.explainer import Explainer

    if method is Method.GUIDED:
        return Explainer.load(model)
    onnx = require("onnx", "lab")
    from genderscope.training.guided_graph import with_gradients

    with TemporaryDirectory() as folder:
        file = Path(folder) / "explained.onnx"
        onnx.save(with_gradients(onnx.load(find(model)), method), file)
        return Explainer.open(file)


def _cells(one: "Explanation") -> list[str]:
    from genderscope.core.terminal import percent
    from genderscope.core.types import LABELS
    from genderscope.evaluation.regions import REGIONS

    prediction = one.result.prediction
    parts = sorted(zip(one.shares, REGIONS, strict=True), reverse=True)[:NAMED_REGIONS]
    energy = ", ".join(f"{region} {share:.0%}" for share, region in parts)
    return [
        f"{prediction.label} {percent(prediction.confidence)}",
        LABELS[one.label],
        energy if one.map.any() else "no gradient",
    ]
