"""Options and steps that the commands share that run models; see also ``_options``."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from genderscope.core.types import Sample
    from genderscope.evaluation.evaluate import Answer

DetectorName = Annotated[
    str | None,
    typer.Option(help="haar, yunet or a plug-in.  [default: yunet where pulled]"),
]
DetectorModel = Annotated[Path | None, typer.Option(metavar="FILE", help="The detector's weights.")]
DetectionSize = Annotated[
    int | None, typer.Option(min=32, help="Longest side searched at once, in pixels.")
]
Sinks = Annotated[
    list[str] | None,
    typer.Option("--sink", metavar="NAME=TARGET", help="Write with a plug-in; may be repeated."),
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


def sink_targets(sinks: Sequence[str] | None) -> dict[str, str]:
    """Targets by the names of sinks, from ``--sink``.

    Raises:
        UsageError: one is not written ``NAME=TARGET``.
    """
    from genderscope.core.errors import UsageError

    targets = {}
    for sink in sinks or ():
        name, equals, target = sink.partition("=")
        if not (name and equals and target):
            raise UsageError(f"a sink is written NAME=TARGET, not {sink!r}")
        targets[name] = target
    return targets


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
) -> "tuple[str, Sequence[Sample]]":
    """The split that is meant, by default the data set's last, and what is taken of it."""
    from genderscope.evaluation import samples

    read = samples.read(dataset, split, exclude, limit, labelled)
    return read.split, read.samples


def asked(
    answers: "Iterable[Answer]",
    samples: "Sequence[Sample]",
    console: "Console",
    description: str = "Classifying",
) -> "list[Answer]":
    """A model's answers about samples, with a bar where the console is a terminal."""
    from genderscope.cli._progress import collected

    return collected(answers, len(samples), console, description)
