"""``genderscope train``: from a data set to an exported model with its record."""

from pathlib import Path
from typing import Annotated, Any

import typer

from genderscope.cli import _measured

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
            "models'. Options given beside it count more.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A network of the lab.  [default: mini_xception]")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Of every data set.  [default: its training split, or all of it]"),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="The preprocessing; see prepare --spec.  [default: aligned]"),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="[default: 40]")] = None,
    batch_size: Annotated[int | None, typer.Option(min=2, help="[default: 128]")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(min=0, help="The peak of one cycle.  [default: 0.004]")
    ] = None,
    muon_rate: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="The peak for matrices, where Muon moves them; 0 leaves all to Adam.  "
            "[default: 0]",
        ),
    ] = None,
    small_share: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Of the epochs, the first, at 5/8 the size.  [default: 0]"),
    ] = None,
    weight_decay: Annotated[float | None, typer.Option(min=0, help="[default: 0.05]")] = None,
    label_smoothing: Annotated[
        float | None, typer.Option(min=0, max=1, help="[default: 0.05]")
    ] = None,
    augmentation: Annotated[
        float | None,
        typer.Option(min=0, max=2, help="Strength of the random views; 0 is none.  [default: 1]"),
    ] = None,
    mixup: Annotated[
        float | None, typer.Option(min=0, help="How far faces are mixed.  [default: 0]")
    ] = None,
    age_weight: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="What learning the data set's age groups counts. In training alone: no model "
            "names an age.  [default: 0]",
        ),
    ] = None,
    altered_share: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Of the faces that are seen with glasses, masks, scarves or hats drawn on.  "
            "[default: 0]",
        ),
    ] = None,
    ema_decay: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Of the averaged weights, a step.  [default: 0.998]"),
    ] = None,
    start: Annotated[
        Path | None, typer.Option(metavar="RUN", help="A finished run's folder, to go on from.")
    ] = None,
    teacher: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="RUN",
            help="A finished run's folder, to learn from its scores too; repeat it to learn from "
            "the mean of several.",
        ),
    ] = None,
    teacher_weight: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="The rest is the labels'.  [default: 0.5]"),
    ] = None,
    validation_ratio: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Held out for every choice.  [default: 0.075]"),
    ] = None,
    balance: Annotated[
        str | None,
        typer.Option(
            help="Classes of unequal size: weights in the loss, a sampler that shows as many of "
            "both, or none.  [default: none]"
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="[default: 0]")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last finished epoch in --out.")
    ] = False,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the crops are kept.  [default: beside --out]"),
    ] = None,
    altered: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where those of --altered-share are kept, as prepare --alter random makes them.  "
            "[default: beside --out]",
        ),
    ] = None,
    detector: _measured.DetectorName = None,
    detector_model: _measured.DetectorModel = None,
    exclude: _measured.Exclude = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes that cut crops.")] = None,
) -> None:
    """Train a network, calibrate it and export it to ONNX.

    Crops of the labelled faces are cut once, by the code that runs later, and kept in a cache; one
    that prepare made is used as it is. A stopped run goes on with --resume and the same options.
    A recipe's teachers and start are trained first, beside --out, unless their runs are there.
    `torchrun --nproc-per-node 2 --no-python genderscope train --cache DIR ...` shares each batch
    out to several processes, also on several machines that see the same files.
    Needs the extra [lab].
    """
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
    from genderscope.training.ship import ship
    from genderscope.training.task import BALANCES, WEIGHTS
    from genderscope.training.train import LAST
    from genderscope.training.train import train as fit

    options = recipes.read(recipe) if recipe else {}
    preset = preset or options.get("preset", "aligned")
    if preset not in PRESETS:
        raise UsageError(f"no preset {preset!r}; there are: {', '.join(PRESETS)}")
    given: dict[str, Any] = {
        "model": model,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "muon_rate": muon_rate,
        "small_share": small_share,
        "weight_decay": weight_decay,
        "label_smoothing": label_smoothing,
        "augmentation": augmentation,
        "mixup": mixup,
        "age_weight": age_weight,
        "altered_share": altered_share,
        "ema_decay": ema_decay,
        "start": start and start.absolute(),
        "teachers": [run.absolute() for run in teacher] if teacher else None,
        "teacher_weight": teacher_weight,
        "validation_ratio": validation_ratio,
        "balance": balance,
        "seed": seed,
    }
    settings = recipes.settings(
        options | {name: value for name, value in given.items() if value is not None}, out.parent
    )
    if settings.balance not in BALANCES:
        raise UsageError(f"no balance {settings.balance!r}; there are: {', '.join(BALANCES)}")
    console = Console(stderr=True, markup=False, highlight=False, quiet=not distributed.first())
    if exclude and not dataset:
        raise UsageError("--exclude goes with --dataset: a --cache is chosen from already")
    if settings.altered_share and not (dataset or altered):
        raise UsageError("--altered-share goes with --altered where there is no --dataset")
    if dataset and distributed.count() > 1:
        raise UsageError("several processes train on a --cache that prepare made, not a --dataset")
    if dataset:
        samples = Sources(dataset, split, Selection(present=False), exclude)
        cache = cache or out.parent / f"crops-{preset}-{str(fingerprint(samples))[:12]}"
        chosen = detection.create(detector, model=detector_model).name
        wanted = Recipe(PRESETS[preset], chosen, str(detector_model) if detector_model else None)
        crops = cached(samples, wanted, cache, jobs, console)
        if settings.altered_share:
            altered = altered or cache.with_name(f"{cache.name}-altered")
            cached(samples, replace(wanted, counterfactual="random"), altered, jobs, console)
    elif cache:
        crops = Crops(cache)
    else:
        raise UsageError("name a --dataset, or a --cache that prepare made")
    console.print(f"{len(crops)} crops in {cache}, {sum(crops.failures.values())} failed")
    others = Crops(altered) if altered else None

    def lay_ready(options: dict[str, Any]) -> None:
        """Train the runs that a recipe builds on, and theirs, unless they are there."""
        for name in (*options.get("teachers", ()), *filter(None, [options.get("start")])):
            run = out.parent / name
            if not (run / WEIGHTS).is_file():
                earlier = recipes.read(name)
                lay_ready(earlier)
                console.print(f"first {name}, in {run}")
                built = replace(recipes.settings(earlier, out.parent), seed=settings.seed)
                fit(crops, built, run, (run / LAST).is_file(), others)

    lay_ready({name: value for name, value in options.items() if given.get(name) is None})
    fit(crops, settings, out, resume, others)
    if distributed.first():
        typer.echo(str(ship(out, crops)))
