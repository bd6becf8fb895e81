from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Exit, Option

from genderscope.cli import INTERRUPTED, _options, _output, _pictures, _signals
from genderscope.core.errors import UsageError
from genderscope.core.extras import require
from genderscope.core.storage import is_url, redacted
from genderscope.core.terminal import percent, printable

if TYPE_CHECKING:
    from genderscope.core.types import Image
    from genderscope.evaluation.explanations import Explanation
    from genderscope.inference.explainer import Explainer

PANEL = "Use"

MOST_ON_A_SHEET = 200
NAMED_REGIONS = 3


@_options.expanded
@_signals.stoppable()
def explain(
    paths: Annotated[list[str], Argument(metavar="PATH...")],
    detection: _options.PictureDetectorOptions,
    out: Annotated[Path | None, _options.FOLDER, _options.Output(shared=True)] = None,
    sheet: Annotated[Path | None, Option(metavar="FILE", dir_okay=False), _options.Output()] = None,
    method: Literal["guided", "saliency", "grad-cam"] = "guided",
    label: Annotated[Literal["woman", "man"] | None, Option("--class")] = None,
    model: _options.Model = "mini_xception",
) -> None:
    """Draw saliency maps of the faces in pictures.

    The table lists the face regions with most of the gradient energy. For what such maps can and
    cannot show, see docs/explanations.md. Exit codes: 0 success, 1 some pictures failed,
    2 usage error, 130 interrupted.

    Args:
        paths: pictures and folders.
        out: output folder for one explained picture per input.
        sheet: contact sheet of all faces.
        method: explanation method; all but guided need the extra [lab].
        label: class to explain.  [default: the predicted class]
    """
    from rich.table import Table

    from genderscope.core.types import LABELS
    from genderscope.evaluation import explanations
    from genderscope.imaging import decode, panels
    from genderscope.inference.explainer import EITHER
    from genderscope.sinks import annotate

    if out is None and sheet is None:
        raise UsageError("nothing to write: give --out DIR, --sheet FILE or both")
    if addresses := [path for path in paths if is_url(path)]:
        raise UsageError(f"explain reads no addresses: download {redacted(addresses[0])} first")
    if sheet:  # fail before processing any picture
        annotate.check(sheet)
    explainer = _explainer(model, method)
    detector = detection.create()
    if out:
        out.mkdir(parents=True, exist_ok=True)
    table = Table("picture", "face", "prediction", "explained", "most energy")
    table.columns[0].overflow = "fold"
    collected: list[Image] = []
    pictures = faces = failed = 0
    unread: Counter[str] = Counter()
    interrupted = False
    try:
        for frame in decode.frames(_pictures.named(paths), avoid=out, unread=unread):
            pictures += 1
            name = printable(frame.path)
            if frame.image is None:
                failed += 1
                table.add_row(name, "failed")
                _output.error(frame.error or "")
                continue
            explained = explanations.explain(
                frame.image, detector, explainer, EITHER if label is None else LABELS.index(label)
            )
            title = f"{printable(Path(frame.path).name)}, {method}"
            drawn = [one.panel(title) for one in explained]
            for number, one in enumerate(explained, start=1):
                table.add_row(name, str(number), *_cells(one))
            if not explained:
                table.add_row(name, "none")
            if out and drawn:
                stem = f"{Path(frame.path).stem}-explained"
                annotate.save_new(panels.sheet(drawn), out, stem, ".png")
            if sheet:
                collected += drawn[: MOST_ON_A_SHEET - len(collected)]
            faces += len(explained)  # last, in case of an interrupt
    except KeyboardInterrupt:
        interrupted = True
        _output.error("interrupted")
    if sheet and collected:
        annotate.save(panels.sheet(collected), sheet)
    _output.show(table)
    left_out = faces - len(collected) if sheet else 0
    omitted = f"; {left_out} faces did not fit on the sheet" if left_out > 0 else ""
    _output.note(f"pictures: {pictures}, faces: {faces}, failed: {failed}{omitted}")
    _pictures.note_unread(unread)
    if interrupted:
        raise Exit(INTERRUPTED)
    _pictures.fail(paths, pictures > 0, failed)


def _explainer(model: str, method: str) -> "Explainer":
    from tempfile import TemporaryDirectory

    from genderscope.inference.classifier import Classifier
    from genderscope.inference.explainer import Explainer

    if method == "guided":
        return Explainer.load(model)
    onnx = require("onnx", "lab")
    from genderscope.training.guided_graph import with_gradients

    with TemporaryDirectory() as folder:
        file = Path(folder) / "explained.onnx"
        onnx.save(with_gradients(onnx.load(Classifier.load(model, 1).file), method), file)
        return Explainer.open(file)


def _cells(one: "Explanation") -> list[str]:
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
