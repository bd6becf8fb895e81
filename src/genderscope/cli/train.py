import inspect
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from textwrap import fill
from typing import Annotated

from msgspec.structs import fields
from typer import Option, echo

from genderscope.cli import _options, _output, _provenance
from genderscope.core.errors import UsageError
from genderscope.core.extras import require
from genderscope.core.storage import claimed
from genderscope.training.settings import Settings

PANEL = "Train"


@_options.expanded
def train(
    out: Annotated[Path, Option(metavar="DIR")],
    dataset: Annotated[list[str] | None, Option(metavar="NAME:PATH")] = None,
    recipe: Annotated[str | None, Option(metavar="NAME|FILE.toml")] = None,
    setting: Annotated[list[str] | None, Option("--set", metavar="NAME=VALUE")] = None,
    init_from: Annotated[Path | None, Option(metavar="RUN")] = None,
    teacher: Annotated[list[Path] | None, Option(metavar="RUN")] = None,
    split: str | None = None,
    preset: str | None = None,
    resume: bool = False,
    overwrite: _options.Overwrite = False,
    cache: Annotated[Path | None, Option(metavar="DIR")] = None,
    occlusions: Annotated[Path | None, Option(metavar="DIR")] = None,
    detector: _options.DetectorName = None,
    detector_model: _options.DetectorModel = None,
    exclude: _options.Exclude = None,
    jobs: _options.Jobs = None,
) -> None:
    """Train a network, calibrate it and export it to ONNX.

    Faces are cropped once into a cache, or read from a cache of prepare. The same command with
    --resume continues an interrupted run. A recipe's teachers and initial run are trained first,
    beside --out, unless they exist.
    `torchrun --nproc-per-node 2 --no-python genderscope train --cache DIR ...` splits each batch
    among processes, on one or more machines with the same files. Needs the extra [lab].

    Args:
        out: output folder for checkpoints, record and model.
        dataset: training data, such as fairface:DIR or utkface:DIR?split=all; repeatable. Not
            needed with a finished --cache.
        recipe: training settings: the name of a shipped model, or a TOML file.
        setting: override one setting; repeatable.
        init_from: initialise the weights from a finished run.
        teacher: distil from this finished run; repeatable.
        split: split of each data set.  [default: train, else all]
        preset: preprocessing preset, as in prepare.  [default: the recipe's, or aligned]
        resume: continue after the last finished epoch in --out.
        cache: crop cache.  [default: beside --out]
        occlusions: crops with occlusions for the setting occlusion_share, from prepare
            --counterfactual random.  [default: beside --out]
    """
    from contextlib import nullcontext
    from dataclasses import replace

    from genderscope import detection
    from genderscope.cli._cache import Sources, cached
    from genderscope.data.fingerprint import fingerprint
    from genderscope.data.prepare.crops import Crops
    from genderscope.data.prepare.shards import Recipe
    from genderscope.data.selection import Selection
    from genderscope.imaging.preprocess import PRESETS

    require("lightning", "lab")
    from genderscope.training import distributed, recipes, runs
    from genderscope.training.export import export_run
    from genderscope.training.record import TrainingRecord, chance
    from genderscope.training.train import train as fit
    from genderscope.training.train import train_parents

    if resume and overwrite:
        raise UsageError("--resume keeps what --overwrite replaces: choose one")
    if not dataset:
        _check_unused(exclude, split, detector, detector_model)
    options = recipes.read(recipe) if recipe else {}
    chosen_preset = preset or options.get("preset")
    preset = str(chosen_preset or "aligned")
    _options.check("preset", preset, PRESETS)
    own = _parsed(setting or [])
    if init_from:
        own["init_from"] = str(init_from.absolute())
    if teacher:
        own["teachers"] = [str(run.absolute()) for run in teacher]
    settings = recipes.settings(options | own, out.parent)
    err = _output.console(stderr=True)
    err.quiet = not distributed.first()
    if settings.occlusion_share and not (dataset or occlusions):
        raise UsageError("occlusion_share requires --occlusions or --dataset")
    if occlusions and not (settings.occlusion_share or recipe):
        raise UsageError("--occlusions requires the setting occlusion_share")
    if dataset and distributed.count() > 1:
        raise UsageError("several processes train on a --cache from prepare, not on a --dataset")
    if dataset:
        samples = Sources(dataset, split, Selection(present=False), exclude)
        cache = cache or out.parent / f"crops-{preset}-{str(fingerprint(samples))[:12]}"
        chosen = detection.create(detector, model=detector_model).name
        wanted = Recipe(PRESETS[preset], chosen, str(detector_model) if detector_model else None)
        crops = cached(samples, wanted, cache, jobs)
        if settings.occlusion_share:
            occlusions = occlusions or cache.with_name(f"{cache.name}-occlusions")
            cached(samples, replace(wanted, counterfactual="random"), occlusions, jobs)
    elif cache:
        crops = Crops(cache)
        if chosen_preset and crops.spec != PRESETS[preset]:
            raise UsageError(f"the crops in {cache} are not of the preset {preset}")
    else:
        raise UsageError("give a --dataset, or a --cache from prepare")
    err.print(f"{len(crops)} crops in {cache}, {sum(crops.manifest.failures.values())} failed")
    occluded = Crops(occlusions) if occlusions else None
    claim = claimed(out / runs.CHECKPOINT, resume or overwrite, ", or --resume to continue it")
    from_recipe = {name: value for name, value in options.items() if name not in own}
    with claim if distributed.first() else nullcontext():
        train_parents(from_recipe, crops, out.parent, settings.seed, occluded, err.print)
        fit(crops, settings, out, resume, occluded, command=_provenance.command())
        if distributed.first():
            echo(str(export_run(out, crops)))
            if warning := chance(TrainingRecord.load(out / runs.RECORD), crops.labels):
                err.print(warning)


def _check_unused(
    exclude: Path | None, split: str | None, detector: str | None, detector_model: Path | None
) -> None:
    """``UsageError`` for an option of the crops, which a finished cache already determines."""
    given = {"exclude": exclude, "split": split, "detector": detector}
    for name, value in (given | {"detector-model": detector_model}).items():
        if value:
            raise UsageError(f"--{name} requires --dataset: the crops of a --cache are fixed")


def _parsed(assignments: Iterable[str]) -> dict[str, object]:
    """Settings by name, their values as text; ``UsageError`` unless all are written NAME=VALUE."""
    settings: dict[str, object] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise UsageError(f"--set {assignment}: write NAME=VALUE")
        settings[name.replace("-", "_")] = value
    return settings


def _list_settings(command: Callable[..., None]) -> None:
    """Append the settings, their defaults and descriptions to the help of a command."""
    attributes = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", inspect.getdoc(Settings) or "", re.M)
    defaults = {field.name: field.default for field in fields(Settings)}
    lines = []
    for name, text in attributes:
        default = defaults[name]
        value = f" [{default}]" if isinstance(default, str | int | float) else ""
        words = " ".join(text.replace("``", "").split())
        lines += [f"{name}{value}", fill(words, 76, initial_indent="  ", subsequent_indent="  ")]
    heading = "Settings for --set:\n\n\b\n"
    command.__doc__ = f"{inspect.getdoc(command)}\n\n{heading}" + "\n".join(lines)


_list_settings(train)
