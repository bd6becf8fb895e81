"""Options of the commands that measure models on data sets, and the detector they ask for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from genderscope.contracts import Detector

DetectorName = Annotated[
    str | None, typer.Option(help="haar or yunet. [default: yunet if it is there, else haar]")
]
DetectorModel = Annotated[Path | None, typer.Option(help="The detector's weights.")]
DetectionSize = Annotated[
    int | None, typer.Option(min=32, help="Longest side searched at once, in pixels.")
]
MinScore = Annotated[
    float | None, typer.Option(min=0, max=1, help="Drop detections below this score.")
]
MinFacePx = Annotated[
    int | None, typer.Option(min=1, help="Drop faces smaller than this, in pixels.")
]
Exclude = Annotated[
    Path | None,
    typer.Option(metavar="LEAKS.json", help="Leave out the pictures that check-leaks found."),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first pictures, for a quick try.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Faces a run of the network.")]


def finder(
    name: str | None,
    model: Path | None,
    detection_size: int | None,
    min_score: float | None,
    min_face_px: int | None,
) -> "Detector":
    """The detector that the options ask for; those that are not given are its own."""
    from genderscope import detectors

    options: dict[str, Any] = {
        "detection_size": detection_size,
        "min_score": min_score,
        "min_face_px": min_face_px,
    }
    given = {name: value for name, value in options.items() if value is not None}
    return detectors.create(name, model=model, **given)
