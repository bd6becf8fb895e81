"""What commands share that run models: their options, the detector and the samples that these ask
for, and asking a model about a data set with its progress shown.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from genderscope.core.protocols import Detector
    from genderscope.core.types import Sample
    from genderscope.evaluation.evaluate import Answer

DetectorName = Annotated[
    str | None, typer.Option(help="haar or yunet.  [default: yunet if its weights are there]")
]
DetectorModel = Annotated[Path | None, typer.Option(metavar="FILE", help="The detector's weights.")]
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
    typer.Option(metavar="FILE.json", help="Leave out the duplicates in a file of leakage."),
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
    from genderscope import detection

    options: dict[str, Any] = {
        "detection_size": detection_size,
        "min_score": min_score,
        "min_face_px": min_face_px,
    }
    given = {name: value for name, value in options.items() if value is not None}
    return detection.create(name, model=model, **given)


def columns(by: str) -> list[str]:
    """Names with commas between."""
    return [name for name in (word.strip() for word in by.split(",")) if name]


def of_a_dataset(**options: Any) -> None:
    """Refuse options that say how a data set is read, where answers are given instead.

    Raises:
        UsageError: one is given.
    """
    from genderscope.core.errors import UsageError

    if given := [f"--{name.replace('_', '-')}" for name, value in options.items() if value]:
        raise UsageError(f"{', '.join(given)} goes with --dataset, not with --predictions")


def samples(
    dataset: str,
    split: str | None,
    exclude: Path | None,
    limit: int | None,
    labelled: bool = False,
) -> "tuple[str, list[Sample]]":
    """The split that is meant, by default the data set's last, and what is taken of it.

    Args:
        labelled: only samples with a label.
    """
    from itertools import islice

    from genderscope.data import datasets
    from genderscope.data.leakage import excluded_pictures
    from genderscope.data.selection import Selected, Selection

    split = datasets.split_of(dataset, split, "last")
    wanted = Selection(gender_known=labelled, without=excluded_pictures(exclude), present=False)
    return split, list(islice(Selected(datasets.read(dataset, split), wanted), limit))


def asked(
    answers: "Iterable[Answer]",
    samples: "Sequence[Sample]",
    console: "Console",
    description: str = "Classifying",
) -> "list[Answer]":
    """What a model answers about samples, with a bar where the console is a terminal."""
    from rich.progress import track

    return list(
        track(
            answers,
            total=len(samples),
            description=description,
            console=console,
            disable=not console.is_terminal,
        )
    )
