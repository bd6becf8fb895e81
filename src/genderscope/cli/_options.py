"""Options that several commands share: dataclasses whose fields ``expanded`` gives to a command."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from inspect import Parameter, getdoc, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_origin

import typer

if TYPE_CHECKING:
    from genderscope.core.protocols import Detector
    from genderscope.evaluation.samples import Samples

Dataset = Annotated[
    str, typer.Option(help="A data set and its place, such as fairface:DIR or table:FILE.csv.")
]
Model = Annotated[
    str, typer.Option(help="A shipped model's name, or the path of an exported .onnx file.")
]
BatchSize = Annotated[int, typer.Option(min=1, help="Faces a run of the network.")]
JsonFile = Annotated[
    Path | None, typer.Option("--json", dir_okay=False, help="Write the results to this file.")
]
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


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """A command in which each parameter of a dataclass is replaced by that dataclass's fields."""
    given = signature(command).parameters.values()
    groups: dict[str, Any] = {  # dataclasses
        one.name: one.annotation for one in given if is_dataclass(one.annotation)
    }
    parameters = [
        one.replace(kind=Parameter.KEYWORD_ONLY)
        for parameter in given
        for one in (
            _parameters(groups[parameter.name]) if parameter.name in groups else [parameter]
        )
    ]

    @wraps(command)
    def flat(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    flat.__signature__ = signature(command).replace(parameters=parameters)  # type: ignore[attr-defined]
    flat.__annotations__ = {one.name: one.annotation for one in parameters}
    return flat


def _parameters(group: Any) -> list[Parameter]:
    """A parameter for each field, listed under the group's ``PANEL``.

    A field that is not annotated as an option has its text in the docstring's attributes as help.
    """
    panel = getattr(group, "PANEL", None)
    help_of = dict(re.findall(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", getdoc(group) or "", re.MULTILINE))
    parameters = []
    for field in fields(group):
        kind: Any = field.type
        if get_origin(kind) is Annotated:
            kind.__metadata__[0].rich_help_panel = panel
        else:
            text = " ".join(help_of[field.name].split())
            option = typer.Option(help=text[0].upper() + text[1:], rich_help_panel=panel)
            kind = Annotated[kind, option]
        parameters.append(
            Parameter(field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=kind)
        )
    return parameters


@dataclass(frozen=True)
class DetectorOptions:
    """Which detector finds the faces; options that are not given are the detector's own."""

    PANEL: ClassVar[str] = "Detector"

    detector: DetectorName = None
    detector_model: DetectorModel = None
    detection_size: DetectionSize = None
    min_score: MinScore = None
    min_face_px: MinFacePx = None

    def create(self) -> "Detector":
        from genderscope import detection

        settings: dict[str, Any] = {  # of the three kinds that detectors take
            "detection_size": self.detection_size,
            "min_score": self.min_score,
            "min_face_px": self.min_face_px,
        }
        chosen = {name: value for name, value in settings.items() if value is not None}
        return detection.create(self.detector, model=self.detector_model, **chosen)


@dataclass(frozen=True)
class DataOptions:
    """Which samples of a data set are used."""

    split: Annotated[
        str | None, typer.Option(help="Which split.  [default: the data set's last]")
    ] = None
    exclude: Exclude = None
    limit: Limit = None

    def read(self, dataset: str, labelled: bool = False) -> "Samples":
        from genderscope.evaluation import samples

        return samples.read(dataset, self.split, self.exclude, self.limit, labelled)


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
