from pathlib import Path
from typing import Annotated

from typer import Argument, Option, echo

from genderscope.cli._options import expanded
from genderscope.core.errors import UsageError
from genderscope.core.extras import require

PANEL = "Train"


@expanded
def export(
    run: Annotated[Path, Argument(metavar="RUN")],
    cache: Annotated[Path | None, Option(metavar="DIR")] = None,
    int8: bool = False,
) -> None:
    """Calibrate a trained network and export it to ONNX.

    Also writes <model>.guided.onnx, which also computes guided gradients. Both files are kept only
    if ONNX Runtime agrees with torch. From an .onnx file, only the guided file is written, or with
    --int8 only the quantised one. Needs the extra [lab].

    Args:
        run: output folder of train, or an .onnx file.
        cache: crop cache that the run was trained on.
        int8: also write a quantised model, <model>.int8.onnx.
    """
    require("captum", "lab")
    is_model = run.suffix == ".onnx"
    if is_model and not int8:
        if cache:
            raise UsageError(f"{run} is already exported: --cache requires a run's folder")
        from genderscope.training.guided_export import write

        echo(str(write(run)))
        return
    if cache is None:
        raise UsageError(f"to export {run}, give the crops that it was trained on with --cache")
    from genderscope.data.prepare.crops import Crops

    model, crops = run, Crops(cache)
    if not is_model:
        require("lightning", "lab")
        from genderscope.training.export import export_run

        model = export_run(run, crops)
        echo(str(model))
    if int8:
        from genderscope.training.quantise import quantise

        echo(str(quantise(model, crops)))
