"""``genderscope train``: from a data set to an exported model with its record."""

from pathlib import Path
from typing import Annotated

import typer

from genderscope.cli import _options, _settings

PANEL = "Train"


def train(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Checkpoints, record and model.")],
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:PATH",
            help="Such as fairface:DIR or utkface:DIR?split=all; repeat it to mix. Not needed with "
            "a finished --cache.",
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.toml",
            help="Settings by name: mini_xception, standard_cnn and residual_cnn are the shipped "
            "models'.",
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A setting, before the recipe's; repeatable."
        ),
    ] = None,
    init_from: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Initialise from the network of a finished run."),
    ] = None,
    teacher: Annotated[
        list[Path] | None,
        typer.Option(metavar="RUN", help="A finished run to learn from; repeat it for several."),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Of every data set.  [default: its training split, or all of it]"),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="The preprocessing, see prepare.  [default: the recipe's, or aligned]"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue after the last finished epoch in --out.")
    ] = False,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the crops are kept.  [default: beside --out]"),
    ] = None,
    occlusions: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Crops for the setting occlusion_share, as prepare --counterfactual random makes "
            "them.  [default: beside --out]",
        ),
    ] = None,
    detector: _options.DetectorName = None,
    detector_model: _options.DetectorModel = None,
    exclude: _options.Exclude = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes that cut crops.")] = None,
) -> None:
    """Train a network, calibrate it and export it to ONNX.

    Crops of the labelled faces are cut once and kept in a cache; one that prepare made is used as
    it is. The same command with --resume continues a stopped run. The teachers of a recipe, and the
    run that it is initialised from, are trained first, beside --out, unless they are there.
    `torchrun --nproc-per-node 2 --no-python genderscope train --cache DIR ...` shares each batch
    among processes, also on several machines with the same files. Needs the extra [lab].
    """
    import shlex
    import sys
    from dataclasses import replace

    from rich.console import Console

    from genderscope import detection
    from genderscope.cli._cache import Sources, cached
    from genderscope.core.errors import UsageError
    from genderscope.core.extras import require
    from genderscope.data.fingerprint import fingerprint
    from genderscope.data.prepare.crops import Crops
    from genderscope.data.prepare.shards import Recipe
    from genderscope.data.selection import Selection
    from genderscope.imaging.preprocess import PRESETS

    require("lightning", "lab")
    from genderscope.training import distributed, recipes
    from genderscope.training.export import export_run
    from genderscope.training.train import train as fit
    from genderscope.training.train import train_parents

    options = recipes.read(recipe) if recipe else {}
    preset = preset or str(options.get("preset", "aligned"))
    if preset not in PRESETS:
        raise UsageError(f"no preset {preset!r}; there are: {', '.join(PRESETS)}")
    own = _settings.parse(setting or [])
    if init_from:
        own["init_from"] = str(init_from.absolute())
    if teacher:
        own["teachers"] = [str(run.absolute()) for run in teacher]
    settings = recipes.settings(options | own, out.parent)
    console = Console(stderr=True, markup=False, highlight=False, quiet=not distributed.first())
    if exclude and not dataset:
        raise UsageError("--exclude goes with --dataset: a --cache is selected already")
    if settings.occlusion_share and not (dataset or occlusions):
        raise UsageError("occlusion_share goes with --occlusions where there is no --dataset")
    if dataset and distributed.count() > 1:
        raise UsageError("several processes train on a --cache that prepare made, not a --dataset")
    if dataset:
        samples = Sources(dataset, split, Selection(present=False), exclude)
        cache = cache or out.parent / f"crops-{preset}-{str(fingerprint(samples))[:12]}"
        chosen = detection.create(detector, model=detector_model).name
        wanted = Recipe(PRESETS[preset], chosen, str(detector_model) if detector_model else None)
        crops = cached(samples, wanted, cache, jobs, console)
        if settings.occlusion_share:
            occlusions = occlusions or cache.with_name(f"{cache.name}-occlusions")
            cached(samples, replace(wanted, counterfactual="random"), occlusions, jobs, console)
    elif cache:
        crops = Crops(cache)
    else:
        raise UsageError("name a --dataset, or a --cache that prepare made")
    console.print(f"{len(crops)} crops in {cache}, {sum(crops.failures.values())} failed")
    occluded = Crops(occlusions) if occlusions else None
    from_recipe = {name: value for name, value in options.items() if name not in own}
    train_parents(from_recipe, crops, out.parent, settings.seed, occluded, console.print)
    command = shlex.join(["genderscope", *sys.argv[1:]])
    fit(crops, settings, out, resume, occluded, command=command)
    if distributed.first():
        typer.echo(str(export_run(out, crops)))


_settings.listed(train)
