"""``genderscope prepare``: the faces of whole data sets, cut once and kept for training."""

from math import inf
from pathlib import Path
from typing import Annotated

import typer

from genderscope.cli import _measured

PANEL = "Data"


def prepare(
    source: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="Such as imdb:DIR or fairface:DIR?split=train."),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="The cache: a new folder, or one to resume.")
    ],
    preset: Annotated[
        str, typer.Option(help="Preprocessing: aligned, aligned-colour, aligned-wide or paper.")
    ] = "aligned",
    split: Annotated[
        str | None,
        typer.Option(help="Split of every source.  [default: its training split, or all of it]"),
    ] = None,
    given_boxes: Annotated[
        bool,
        typer.Option(
            "--given-boxes",
            help="Use the data set's own boxes, or the whole picture where it has none.",
        ),
    ] = False,
    detector: _measured.DetectorName = None,
    detector_model: _measured.DetectorModel = None,
    min_face_score: Annotated[
        float | None, typer.Option(help="Only faces with a score above this in the data set.")
    ] = None,
    no_second_face: Annotated[
        bool, typer.Option("--no-second-face", help="Only pictures with one face.")
    ] = False,
    max_second_face_score: Annotated[
        float | None, typer.Option(help="Allow a second face with a score below this.")
    ] = None,
    min_age: Annotated[float | None, typer.Option(help="In years.")] = None,
    max_age: Annotated[float | None, typer.Option(help="In years, included.")] = None,
    counterfactual: Annotated[
        str | None,
        typer.Option(
            metavar="CONDITION",
            help="Apply a condition of counterfactuals, such as 'surgical mask', or random "
            "glasses, masks and covers.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of --counterfactual.")] = 0,
    preview: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png",
            dir_okay=False,
            help="Draw each step of preprocessing for some faces.",
        ),
    ] = None,
    exclude: _measured.Exclude = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Parallel processes.  [default: one for each core]")
    ] = None,
    engine: Annotated[
        str, typer.Option(help="local, or ray for a cluster (extra [cluster]).")
    ] = "local",
) -> None:
    """Crop every labelled face of a data set into a cache.

    The same command resumes an interrupted run; other data or options need another folder.
    `train --cache DIR` trains on the crops. Needs the extra [eval].
    Exit codes: 0 all done, 1 some pictures failed, 2 wrong usage.
    """
    from rich.console import Console

    from genderscope import detection
    from genderscope.cli import printable
    from genderscope.cli._cache import Sources, cached
    from genderscope.core.errors import UsageError
    from genderscope.core.extras import require
    from genderscope.data import counterfactuals
    from genderscope.data.prepare import cluster, processes
    from genderscope.data.prepare.shards import Recipe
    from genderscope.data.selection import Selection
    from genderscope.imaging.preprocess import PRESETS

    if preset not in PRESETS:
        raise UsageError(f"no preset {preset!r}; there are: {', '.join(PRESETS)}")
    if engine not in ("local", "ray"):
        raise UsageError(f"no engine {engine!r}; there are: local, ray")
    if given_boxes and (detector or detector_model):
        raise UsageError("--given-boxes uses no detector: drop --detector and --detector-model")
    if no_second_face and max_second_face_score is not None:
        raise UsageError("--no-second-face allows none: drop --max-second-face-score")
    if counterfactual and counterfactual != counterfactuals.RANDOM:
        counterfactuals.select(counterfactual)
    if preview and preview.suffix.lower() != ".png":
        raise UsageError(f"--preview writes a .png, not {preview.name}")
    second = inf if max_second_face_score is None else max_second_face_score
    selection = Selection(
        min_face_score=min_face_score,
        max_second_face_score=None if no_second_face else second,
        min_age=min_age,
        max_age=max_age,
        present=False,  # a missing picture is counted and named as a failure
    )
    samples = Sources(source, split, selection, exclude)
    name = None if given_boxes else detection.create(detector, model=detector_model).name
    weights = str(detector_model.absolute()) if detector_model else None
    recipe = Recipe(PRESETS[preset], name, weights, counterfactual, seed)
    require("pyarrow", "eval")
    if engine == "ray":
        require("ray", "cluster")
    console = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
    if preview:
        from genderscope.data.prepare.preview import save

        save(samples, recipe, preview)
    crops = cached(
        samples, recipe, out, jobs, console, cluster.shards if engine == "ray" else processes
    )
    for condition, count in samples.removed.items():
        if count:
            console.print(f"removed by the condition '{condition}': {count:,}")
    for reason, count in crops.failures.items():
        console.print(printable(f"failed: {count:,}: {reason}"))
    failed = sum(crops.failures.values())
    typer.echo(f"{len(crops):,} crops in {out}, {failed:,} pictures failed")
    if failed:
        raise typer.Exit(1)
