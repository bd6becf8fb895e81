"""``genderscope prepare``: the faces of whole data sets, cut once and kept for training."""

from math import inf
from pathlib import Path
from typing import Annotated

import typer

from genderscope.cli import _measured

PANEL = "Data"

PREVIEWED = 8


def prepare(
    source: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="Such as imdb:DIR or fairface:DIR?split=train."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The cache; made if it is not there.")],
    spec: Annotated[str, typer.Option(help="The preprocessing: aligned or paper.")] = "aligned",
    split: Annotated[
        str | None,
        typer.Option(help="Of every source.  [default: its training split, or all of it]"),
    ] = None,
    given_boxes: Annotated[
        bool,
        typer.Option(
            "--given-boxes",
            help="No detector: the data set's own boxes, or the whole picture where it has none.",
        ),
    ] = False,
    detector: _measured.DetectorName = None,
    detector_model: _measured.DetectorModel = None,
    min_face_score: Annotated[
        float | None, typer.Option(help="Only faces that the data set scores above this.")
    ] = None,
    no_second_face: Annotated[
        bool, typer.Option("--no-second-face", help="Only pictures with one face.")
    ] = False,
    max_second_face_score: Annotated[
        float | None, typer.Option(help="A second face is allowed if its score lies below this.")
    ] = None,
    min_age: Annotated[float | None, typer.Option(help="In years.")] = None,
    max_age: Annotated[float | None, typer.Option(help="In years, included.")] = None,
    alter: Annotated[
        str | None,
        typer.Option(
            metavar="CONDITION",
            help="Show every face in a condition of counterfactuals, such as 'surgical mask', or "
            "random for glasses, masks and covers by turns.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides what --alter draws.")] = 0,
    preview: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png", dir_okay=False, help="Draw each step of the recipe for some faces."
        ),
    ] = None,
    exclude: _measured.Exclude = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Shards at once.  [default: one for each core]")
    ] = None,
    engine: Annotated[
        str, typer.Option(help="local, or ray for a cluster (extra [cluster]).")
    ] = "local",
) -> None:
    """Crop every labelled face of a data set into a cache.

    A stopped run goes on where it was when the same command is given again. A cache of something
    else is refused. `train --cache DIR` trains on it. Needs the extra [eval].
    Exit codes: 0 all done, 1 some pictures failed, 2 wrong usage.
    """
    from heapq import nlargest
    from random import Random

    from rich.console import Console

    from genderscope import detection
    from genderscope.cli import printable
    from genderscope.cli._cache import Chosen, cached
    from genderscope.core.errors import UsageError
    from genderscope.core.extras import require
    from genderscope.data import counterfactuals
    from genderscope.data.leakage import excluded_pictures
    from genderscope.data.prepare import cluster, processes
    from genderscope.data.prepare.shards import Recipe
    from genderscope.data.selection import Selection
    from genderscope.imaging.preprocess import PRESETS

    if spec not in PRESETS:
        raise UsageError(f"no spec {spec!r}; there are: {', '.join(PRESETS)}")
    if engine not in ("local", "ray"):
        raise UsageError(f"no engine {engine!r}; there are: local, ray")
    if given_boxes and (detector or detector_model):
        raise UsageError("--given-boxes runs no detector: leave --detector and its model out")
    if no_second_face and max_second_face_score is not None:
        raise UsageError("--no-second-face allows none: leave --max-second-face-score out")
    if alter and alter != counterfactuals.RANDOM:
        counterfactuals.chosen(alter)
    if preview and preview.suffix.lower() != ".png":
        raise UsageError(f"--preview writes a .png, not {preview.name}")
    second = inf if max_second_face_score is None else max_second_face_score
    selection = Selection(
        without=excluded_pictures(exclude),
        min_face_score=min_face_score,
        max_second_face_score=None if no_second_face else second,
        min_age=min_age,
        max_age=max_age,
        present=False,  # what is not there fails, so that it is counted and named
    )
    samples = Chosen(source, split, selection)
    finder = None if given_boxes else detection.create(detector, model=detector_model).name
    weights = str(detector_model.absolute()) if detector_model else None
    recipe = Recipe(PRESETS[spec], finder, weights, alter, seed)
    require("pyarrow", "eval")
    if engine == "ray":
        require("ray", "cluster")
    console = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
    if preview:
        from genderscope.data.prepare.preview import sheet

        draw = Random(0)
        chosen = nlargest(PREVIEWED, samples, key=lambda _: draw.random())
        preview.parent.mkdir(parents=True, exist_ok=True)
        sheet(chosen, recipe).save(preview)
    crops = cached(
        samples, recipe, out, jobs, console, cluster.shards if engine == "ray" else processes
    )
    for condition, count in samples.removed.items():
        if count:
            console.print(f"not taken, for want of {condition}: {count:,}")
    for reason, count in crops.failures.items():
        console.print(printable(f"failed: {count:,}: {reason}"))
    failed = sum(crops.failures.values())
    typer.echo(f"{len(crops):,} crops in {out}, {failed:,} pictures failed")
    if failed:
        raise typer.Exit(1)
