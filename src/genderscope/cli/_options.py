"""Options that several commands share, and ``expanded``, which makes a function a command."""

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from inspect import Parameter, getdoc, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args, get_origin

from typer import Option

from genderscope.cli._output import note
from genderscope.cli._outputs import Output as Output
from genderscope.cli._outputs import reserved, sink
from genderscope.core.errors import UsageError

if TYPE_CHECKING:
    from genderscope.core.protocols import Detector
    from genderscope.evaluation.samples import Samples


FOLDER = Option(metavar="DIR", file_okay=False)
PNG = Option(metavar="FILE.png", dir_okay=False)
Seed = Annotated[int, Option(min=0, max=2**32 - 1)]
Overwrite = Annotated[bool, Option(help="Replace existing results.")]
Dataset = Annotated[
    str, Option(metavar="NAME:PATH", help="Data set, such as fairface:DIR or table:FILE.csv.")
]
Model = Annotated[str, Option(help="Name of a shipped model, or path of an .onnx file.")]
BatchSize = Annotated[int, Option(min=1, help="Faces per batch of the network.")]
JsonFile = Annotated[
    Path | None,
    Option("--json", metavar="FILE.json", dir_okay=False, help="Write the results as JSON."),
    Output(text=True),
]
PredictionsFile = Annotated[
    Path | None, Option(metavar="FILE.csv", dir_okay=False), Output(text=True)
]
ScoreIs = Annotated[
    Literal["man", "confidence"],
    Option(
        help="Meaning of a table's scores: probability of man, or confidence in the prediction."
    ),
]
THRESHOLD = "Label faces below this confidence uncertain.  [default: the model's own]"
Threshold = Annotated[float | None, Option(min=0, max=1, help=THRESHOLD)]
MAX_YAW = "Label faces with a larger yaw, in degrees, uncertain (YuNet only)."
MaxYaw = Annotated[float | None, Option(min=0, max=90, help=MAX_YAW)]
DETECTOR = "Face detector: haar, yunet or a plug-in.  [default: yunet if downloaded]"
DetectorName = Annotated[str | None, Option(help=DETECTOR)]
DetectorModel = Annotated[Path | None, Option(metavar="FILE", help="Weights of the detector.")]
DetectionSize = Annotated[
    int | None, Option(min=32, help="Resolution of detection: longest side in pixels.")
]
Sinks = Annotated[
    list[str] | None,
    Option("--sink", metavar="NAME=TARGET", help="Write to a sink, such as a plug-in; repeatable."),
    Output(anywhere=True),
]
MinScore = Annotated[float | None, Option(min=0, max=1, help="Minimum detection score.")]
Turned = Literal["auto", "upright", "any"]
ORIENTATION = Option(
    help="Faces to find: upright, at any angle, or auto: any if none is clearly upright."
)
Orientation = Annotated[Turned, ORIENTATION]
MinFacePx = Annotated[int | None, Option(min=1, help="Minimum face size in pixels.")]
Split = Annotated[str | None, Option(help="Split to use.  [default: the last one]")]
Exclude = Annotated[
    Path | None, Option(metavar="FILE.json", help="Skip the duplicates that leakage found.")
]
Limit = Annotated[int | None, Option(min=1, help="Use only the first N pictures.")]
Jobs = Annotated[int | None, Option(min=1, help="Parallel processes.  [default: one per CPU core]")]
Engine = Annotated[str, Option(help="Where to run: local, or ray for a cluster (extra [cluster]).")]
ENGINES = ("local", "ray")


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """The function as a command: its documentation becomes the help of its options.

    An option's help is its entry under ``Args:``, or that of its shared type. A parameter of a
    dataclass is replaced by that dataclass's fields, described under ``Attributes:`` and listed
    under the heading ``PANEL``. Flags have no negative form. A command with an ``Output`` has the
    option ``--overwrite``.
    """
    groups: dict[str, Any] = {}  # dataclasses
    parameters: list[Parameter] = []
    for one in signature(command).parameters.values():
        if is_dataclass(group := one.annotation):
            groups[one.name] = group
            parameters += [_parameter(f.name, f.type, f.default, group) for f in fields(group)]
        else:
            parameters.append(_parameter(one.name, one.annotation, one.default, command))
    marks = ((one.name, mark) for one in parameters for mark in get_args(one.annotation))
    outputs = {name: mark for name, mark in marks if isinstance(mark, Output)}
    own_overwrite = any(one.name == "overwrite" for one in parameters)
    if outputs and not own_overwrite:
        parameters.append(_parameter("overwrite", Overwrite, False, command))

    @wraps(command)
    def flat(**values: Any) -> None:
        with reserved(outputs, values):
            if not own_overwrite:
                values.pop("overwrite", None)
            for name, group in groups.items():
                values[name] = group(**{one.name: values.pop(one.name) for one in fields(group)})
            command(**values)

    flat.__doc__ = (getdoc(command) or "").partition("\n\nArgs:\n")[0]
    flat.__signature__ = signature(command).replace(parameters=parameters)  # type: ignore[attr-defined]
    flat.__annotations__ = {one.name: one.annotation for one in parameters}
    return flat


def _parameter(name: str, kind: Any, default: Any, described_in: Any) -> Parameter:
    """A parameter of Typer with the help from the documentation of a function or dataclass."""
    annotated = get_origin(kind) is Annotated
    kind, option, *marks = get_args(kind) if annotated else (kind, Option())
    option = copy(option)  # shared types are used by several commands
    option.rich_help_panel = getattr(described_in, "PANEL", None)
    if kind is bool and option.default is ...:  # where Typer keeps the first explicit name
        option.param_decls = (f"--{name.replace('_', '-')}",)
    entries = "\n".join(
        getdoc(each) or "" for each in getattr(described_in, "__mro__", [described_in])
    )
    if entry := re.search(rf"^ {{4}}{name}: (.+(?:\n {{8}}.+)*)", entries, re.MULTILINE):
        text = re.sub(r"\n +", " ", entry[1])
        option.help = text[0].upper() + text[1:]
    if default is None and name in (defaults := getattr(described_in, "DEFAULTS", {})):
        option.help = f"{option.help}  [default: {defaults[name]}]"
    annotation = Annotated[kind, option, *marks]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


@dataclass(frozen=True)
class DetectorOptions:
    """Which detector finds the faces; options not given take the detector's defaults."""

    PANEL: ClassVar[str] = "Detector"
    # Those of ``detection.create``, which is slow to import.
    DEFAULTS: ClassVar[dict[str, object]] = {
        "detection_size": 1280,
        "min_score": 0.6,
        "min_face_px": 24,
        "orientation": "upright",
    }

    detector: DetectorName = None
    detector_model: DetectorModel = None
    detection_size: DetectionSize = None
    min_score: MinScore = None
    min_face_px: MinFacePx = None
    orientation: Annotated[Turned | None, ORIENTATION] = None

    def create(self) -> "Detector":
        from genderscope import detection

        names = ("detection_size", "min_score", "min_face_px", "orientation")
        chosen = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        detector = detection.create(self.detector, model=self.detector_model, **chosen)
        advise(detector)
        return detector


@dataclass(frozen=True)
class IgnoringDetectorOptions(DetectorOptions):
    """Detector options with regions to ignore.

    Attributes:
        ignore_region: ignore faces whose centre lies here, in pixels of the upright picture;
            repeatable.
    """

    ignore_region: Annotated[list[str] | None, Option(metavar="X,Y,W,H")] = None

    def create(self) -> "Detector":
        from genderscope.detection.ignored import ignoring

        return ignoring(super().create(), self.ignore_region or ())


@dataclass(frozen=True)
class PictureDetectorOptions(IgnoringDetectorOptions):
    """Detector options with defaults for pictures."""

    orientation: Annotated[Turned | None, ORIENTATION] = "auto"


def advise(detector: "Detector") -> None:
    """On a terminal, recommend YuNet, which finds more faces than the packaged detector."""
    if detector.name == "haar" and sys.stderr.isatty():
        note("the detector is haar; yunet finds more faces: genderscope models pull yunet")


def left_out(small: int, faint: int, min_face_px: int, min_score: float, how: str = "{:,}") -> str:
    """What a summary adds about faces that the detector found and dropped.

    Args:
        how: a format for their number.
    """
    from genderscope.detection import MIN_SCORE

    text = ""
    if small:
        text += f"; smaller than {min_face_px} px and left out: {how.format(small)} "
        text += f"(--min-face-px {max(min_face_px // 2, 1)} includes them)"
    if faint:
        text += f"; scored below {min_score:g} and left out: {how.format(faint)} "
        text += f"(--min-score {MIN_SCORE:g} includes them)"
    return text


@dataclass(frozen=True)
class DataOptions:
    """Which samples of a data set are used."""

    PANEL: ClassVar[str] = "Data"

    split: Split = None
    exclude: Exclude = None
    limit: Limit = None

    def read(self, dataset: str, labelled: bool = False) -> "Samples":
        from genderscope.evaluation import samples

        return samples.read(dataset, self.split, self.exclude, self.limit, labelled)


def note_threshold(own: float, wanted: float | None) -> None:
    """Say what a threshold below the model's own means."""
    if wanted is not None and wanted < own:
        note(
            f"--min-confidence {wanted:g} is below the model's own {own:.2f}: fewer answers "
            "are uncertain, and more are wrong"
        )


def sink_targets(named: Mapping[str, object], plugin_sinks: Sequence[str] | None) -> dict[str, str]:
    """Targets by sink: of the options given, then of ``--sink``; ``UsageError`` unless each of the
    latter is ``NAME=TARGET`` and names a new sink.
    """
    targets = {name: str(target) for name, target in named.items() if target}
    for name, target in map(sink, plugin_sinks or ()):
        if name in targets:
            raise UsageError(f"the sink {name} is named twice; it takes one target")
        targets[name] = target
    return targets


def columns(by: str) -> list[str]:
    """Split comma-separated names."""
    return [name for word in by.split(",") if (name := word.strip())]


def of_a_dataset(**options: Any) -> None:
    """Raise ``UsageError`` for options that require ``--dataset``."""
    if given := [f"--{name.replace('_', '-')}" for name, value in options.items() if value]:
        raise UsageError(f"{', '.join(given)} requires --dataset")


def check(kind: str, name: str, names: Iterable[str]) -> None:
    """Raise ``UsageError`` for an unknown name, such as that of an engine."""
    if name not in names:
        raise UsageError(f"no {kind} {name!r}; there are: {', '.join(names)}")


def check_suffix(option: str, file: Path | None, suffix: str) -> None:
    """Raise ``UsageError`` for another file format, before anything is computed."""
    if file and file.suffix.lower() != suffix:
        raise UsageError(f"{option} writes a {suffix} file, not {file.name}")
