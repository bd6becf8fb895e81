"""``genderscope train``: from a data set to an exported model with its record."""

from pathlib import Path
from typing import Annotated

import typer


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
    model: Annotated[str, typer.Option(help="A network of the lab.")] = "mini_xception",
    split: Annotated[
        str | None,
        typer.Option(help="Of every data set.  [default: its training split, or all of it]"),
    ] = None,
    preset: Annotated[str, typer.Option(help="The preprocessing: aligned or paper.")] = "aligned",
    epochs: Annotated[int, typer.Option(min=1)] = 40,
    batch_size: Annotated[int, typer.Option(min=2)] = 128,
    learning_rate: Annotated[float, typer.Option(min=0)] = 4e-3,
    weight_decay: Annotated[float, typer.Option(min=0)] = 0.05,
    augmentation: Annotated[
        float, typer.Option(min=0, max=2, help="Strength of the random views; 0 is none.")
    ] = 1,
    start: Annotated[
        Path | None, typer.Option(metavar="RUN", help="A finished run's folder, to go on from.")
    ] = None,
    teacher: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="A finished run's folder, to learn from its scores too."),
    ] = None,
    balance: Annotated[
        str,
        typer.Option(
            help="Classes of unequal size: weights in the loss, a sampler that shows as many of "
            "both, or none."
        ),
    ] = "none",
    seed: Annotated[int, typer.Option()] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last finished epoch in --out.")
    ] = False,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the crops are kept.  [default: beside --out]"),
    ] = None,
    detector: Annotated[str | None, typer.Option(help="haar or yunet.")] = None,
    detector_model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The detector's weights.")
    ] = None,
    exclude: Annotated[
        Path | None,
        typer.Option(metavar="LEAKS.json", help="Leave out the pictures that check-leaks found."),
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes that cut crops.")] = None,
) -> None:
    """Train a network, fit its confidence on a held-out part, and export it to ONNX.

    Crops of the labelled faces are cut once, by the code that runs later, and kept in a cache; one
    that prepare made is used as it is. A stopped run goes on with --resume and the same options.
    Needs the extra [lab].
    """
    from rich.console import Console

    from genderscope import detectors
    from genderscope.cli._cache import Chosen, cached
    from genderscope.contracts import UsageError, require
    from genderscope.crops import Crops
    from genderscope.leaks import listed
    from genderscope.prepare import fingerprint
    from genderscope.preprocess import PRESETS
    from genderscope.selection import Selection
    from genderscope.shards import Recipe

    require("lightning", "lab")
    from genderscope.lab.augment import Augmentation
    from genderscope.lab.ship import ship
    from genderscope.lab.task import BALANCES, Settings
    from genderscope.lab.train import train as fit

    if preset not in PRESETS:
        raise UsageError(f"no preset {preset!r}; there are: {', '.join(PRESETS)}")
    if balance not in BALANCES:
        raise UsageError(f"no balance {balance!r}; there are: {', '.join(BALANCES)}")
    console = Console(stderr=True)
    if dataset:
        samples = Chosen(dataset, split, Selection(without=listed(exclude), present=False))
        cache = cache or out.parent / f"crops-{preset}-{fingerprint(samples)[1][:12]}"
        chosen = detectors.create(detector, model=detector_model).name
        recipe = Recipe(PRESETS[preset], chosen, str(detector_model) if detector_model else None)
        crops = cached(samples, recipe, cache, jobs, console)
    elif cache:
        crops = Crops(cache)
    else:
        raise UsageError("name a --dataset, or a --cache that prepare made")
    console.print(f"{len(crops)} crops in {cache}, {sum(crops.failures.values())} failed")
    settings = Settings(
        model=model,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        augmentation=Augmentation().times(augmentation),
        start=str(start) if start else None,
        teacher=str(teacher) if teacher else None,
        seed=seed,
        balance=balance,
    )
    fit(crops, settings, out, resume)
    typer.echo(str(ship(out, crops)))
