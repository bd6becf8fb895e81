"""Options that several commands share, and ``expanded``, which makes a function a command."""

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from copy import copy
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from inspect import Parameter, getdoc, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args, get_origin

from typer import Option

from genderscope.cli._output import note
from genderscope.core.errors import UsageError
from genderscope.core.storage import check_new, claimed

if TYPE_CHECKING:
    from genderscope.core.protocols import Detector
    from genderscope.evaluation.samples import Samples


@dataclass(frozen=True)
class Output:
    """Marks an option as an output, which ``expanded`` reserves for the command.

    Attributes:
        file: what is written into a folder, so that its presence means an earlier result.
        more: the other files that the command writes there; existing ones are refused too.
        shared: a folder to which new files are added.
        resumable: ``--resume`` continues it.
    """

    file: str = ""
    shared: bool = False
    resumable: bool = False
    more: tuple[str, ...] = ()


FOLDER = Option(metavar="DIR", file_okay=False)
PNG = Option(metavar="FILE.png", dir_okay=False)
Seed = Annotated[int, Option(min=0)]
Overwrite = Annotated[bool, Option(help="Replace existing results.")]
Dataset = Annotated[
    str, Option(metavar="NAME:PATH", help="Data set, such as fairface:DIR or table:FILE.csv.")
]
Model = Annotated[str, Option(help="Name of a shipped model, or path of an .onnx file.")]
BatchSize = Annotated[int, Option(min=1, help="Batch size: faces per network run.")]
JsonFile = Annotated[
    Path | None,
    Option("--json", metavar="FILE.json", dir_okay=False, help="Write the results as JSON."),
    Output(),
]
PredictionsFile = Annotated[Path | None, Option(metavar="FILE.csv", dir_okay=False), Output()]
ScoreIs = Annotated[
    Literal["man", "confidence"],
    Option(help="Scores of tables: the probability of man, or the confidence in the prediction."),
]
THRESHOLD = "Faces below this confidence are uncertain.  [default: the model's own]"
Threshold = Annotated[float | None, Option(min=0, max=1, help=THRESHOLD)]
MAX_YAW = "Call faces turned further to the side uncertain, in degrees (YuNet)."
MaxYaw = Annotated[float | None, Option(min=0, max=90, help=MAX_YAW)]
DETECTOR = "Face detector: haar, yunet or a plug-in.  [default: yunet if downloaded]"
DetectorName = Annotated[str | None, Option(help=DETECTOR)]
DetectorModel = Annotated[Path | None, Option(metavar="FILE", help="Weights of the detector.")]
DetectionSize = Annotated[
    int | None, Option(min=32, help="Detect at this resolution: longest side in pixels.")
]
Sinks = Annotated[
    list[str] | None,
    Option("--sink", metavar="NAME=TARGET", help="Output through a plug-in; repeatable."),
    Output(),
]
MinScore = Annotated[float | None, Option(min=0, max=1, help="Minimum detection score.")]
Turned = Literal["auto", "upright", "any"]
ORIENTATION = Option(
    help="Faces to find: upright, any angle, or auto: turned where none is clearly upright."
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
        replaced = values.get("overwrite") or values.get("resume") or False
        if not own_overwrite:
            values.pop("overwrite", None)
        with ExitStack() as claims:
            places = [
                (mark, place) for name, mark in outputs.items() for place in _places(values[name])
            ]
            for output, place in places:
                if "://" not in place and place != "-":
                    advice = ", or --resume to continue it" if output.resumable else ""
                    file, overwrite = Path(place) / output.file, replaced or output.shared
                    claims.enter_context(claimed(file, overwrite, advice))
                    for name in () if overwrite else output.more:
                        check_new(Path(place) / name)
            for name, group in groups.items():
                values[name] = group(**{one.name: values.pop(one.name) for one in fields(group)})
            command(**values)

    flat.__doc__ = (getdoc(command) or "").partition("\n\nArgs:\n")[0]
    flat.__signature__ = signature(command).replace(parameters=parameters)  # type: ignore[attr-defined]
    flat.__annotations__ = {one.name: one.annotation for one in parameters}
    return flat


def _places(value: Any) -> list[str]:
    """Where an output option writes: nowhere, to a file or folder, or to the targets of sinks."""
    if isinstance(value, list):
        return [target for _, target in map(_sink, value)]
    return [str(value)] if value else []


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
    """Which detector finds the faces; options that are not given are the detector's own."""

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
    """The same, with regions.

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
    """The same, with defaults for pictures."""

    orientation: Annotated[Turned | None, ORIENTATION] = "auto"


def advise(detector: "Detector") -> None:
    """Say on a terminal that another detector finds more than the one in the package."""
    if detector.name == "haar" and sys.stderr.isatty():
        note("the detector is haar; after 'genderscope models pull yunet' more faces are found")


def left_out(small: int, faint: int, min_face_px: int, min_score: float, how: str = "{:,}") -> str:
    """What a summary adds about faces that the detector saw and dropped.

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
            f"--min-confidence {wanted:g} is below the model's own {own:.2f}: uncertain answers "
            "become rarer, and wrong ones more frequent"
        )


def sink_targets(named: Mapping[str, object], plugin_sinks: Sequence[str] | None) -> dict[str, str]:
    """Targets by sink: of options, where they have one, then of ``--sink``; ``UsageError`` unless
    each of the latter is ``NAME=TARGET`` and new.
    """
    targets = {name: str(target) for name, target in named.items() if target}
    for name, target in map(_sink, plugin_sinks or ()):
        if name in targets:
            raise UsageError(f"the sink {name} is named twice; it can have one target")
        targets[name] = target
    return targets


def _sink(text: str) -> tuple[str, str]:
    name, _, target = text.partition("=")
    if not (name and target):
        raise UsageError(f"a sink is written NAME=TARGET, not {text!r}")
    return name, target


def columns(by: str) -> list[str]:
    """Names with commas between."""
    return [name for word in by.split(",") if (name := word.strip())]


def of_a_dataset(**options: Any) -> None:
    """Refuse options of a data set, a ``UsageError``, where none is used."""
    if given := [f"--{name.replace('_', '-')}" for name, value in options.items() if value]:
        raise UsageError(f"{', '.join(given)} goes with --dataset")


def check(kind: str, name: str, names: Iterable[str]) -> None:
    """Refuse an unknown name, such as that of an engine."""
    if name not in names:
        raise UsageError(f"no {kind} {name!r}; there are: {', '.join(names)}")


def check_suffix(option: str, file: Path | None, suffix: str) -> None:
    """Refuse a file of another format, before anything is computed for it."""
    if file and file.suffix.lower() != suffix:
        raise UsageError(f"{option} writes a {suffix}, not {file.name}")
