"""``genderscope train``: from a data set to an exported model with its record."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    dataset: Annotated[
        list[str],
        typer.Option(metavar="NAME:PATH", help="Such as fairface:DIR; repeat it to mix."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Checkpoints, record and model.")],
    model: Annotated[str, typer.Option(help="A network of the lab.")] = "mini_xception",
    split: Annotated[str, typer.Option(help="The data set's training split.")] = "train",
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
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes that cut crops.")] = None,
) -> None:
    """Train a network, fit its confidence on a held-out part, and export it to ONNX.

    Crops are cut once, by the code that runs later, and kept in a cache. A stopped run goes on with
    --resume and the same options. Needs the extra [lab].
    """
    from rich.console import Console
    from rich.progress import Progress

    from genderscope import datasets, detectors, prepare
    from genderscope.contracts import DatasetError, UsageError, require
    from genderscope.preprocess import PRESETS

    require("lightning", "lab")
    from genderscope.lab.augment import Augmentation
    from genderscope.lab.ship import ship
    from genderscope.lab.task import Settings
    from genderscope.lab.train import train as fit

    if preset not in PRESETS:
        raise UsageError(f"no preset {preset!r}; there are: {', '.join(PRESETS)}")
    console = Console(stderr=True)
    samples = [sample for source in dataset for sample in datasets.read(source, split)]
    if not samples:
        raise DatasetError(f"{', '.join(dataset)} holds no pictures in {split!r}")
    chosen = detectors.create(detector, model=detector_model).name
    recipe = prepare.Recipe(
        PRESETS[preset], chosen, str(detector_model) if detector_model else None
    )
    cache = cache or out.parent / f"crops-{preset}-{prepare.fingerprint(samples)[:12]}"
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("crops", total=len(samples))
        names = [source.partition(":")[0] for source in dataset]
        for done in prepare.prepare(samples, recipe, cache, sources_named=names, jobs=jobs):
            progress.update(bar, completed=done)
    crops = prepare.Crops(cache)
    console.print(f"{len(crops)} crops in {cache}, {len(crops.manifest['failures'])} failed")
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
    )
    task = fit(crops, settings, out, resume)
    file = ship(task, crops, out)
    typer.echo(str(file))
