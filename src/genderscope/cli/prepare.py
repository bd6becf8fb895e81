"""``genderscope prepare``: the faces of whole data sets, cut once and kept for training."""

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from genderscope.cli import _options
from genderscope.cli._options import expanded

if TYPE_CHECKING:
    from rich.console import Console

    from genderscope.cli._cache import Sources
    from genderscope.data.prepare.crops import Crops
    from genderscope.data.prepare.shards import Recipe
    from genderscope.data.selection import Selection

PANEL = "Data"
ENGINES = ("local", "ray")


@dataclass(frozen=True)
class CropOptions:
    """How faces are located and cut."""

    PANEL: ClassVar[str] = "Crops"

    preset: Annotated[
        str, typer.Option(help="Preprocessing: aligned, aligned-colour, aligned-wide or paper.")
    ] = "aligned"
    given_boxes: Annotated[
        bool,
        typer.Option(
            "--given-boxes",
            help="Use the data set's own boxes, or the whole picture where it has none.",
        ),
    ] = False
    detector: _options.DetectorName = None
    detector_model: _options.DetectorModel = None
    counterfactual: Annotated[
        str | None,
        typer.Option(
            metavar="CONDITION",
            help="Apply a condition of counterfactuals, such as 'surgical mask', or random "
            "glasses, masks and covers.",
        ),
    ] = None
    seed: Annotated[int, typer.Option(help="Seed of --counterfactual.")] = 0

    def recipe(self) -> "Recipe":
        from genderscope import detection
        from genderscope.core.errors import UsageError
        from genderscope.data import counterfactuals
        from genderscope.data.prepare.shards import Recipe
        from genderscope.imaging.preprocess import PRESETS

        if self.preset not in PRESETS:
            raise UsageError(f"no preset {self.preset!r}; there are: {', '.join(PRESETS)}")
        if self.given_boxes and (self.detector or self.detector_model):
            raise UsageError("--given-boxes uses no detector: drop --detector and --detector-model")
        if self.counterfactual and self.counterfactual != counterfactuals.RANDOM:
            counterfactuals.select(self.counterfactual)
        name, model = None, self.detector_model
        if not self.given_boxes:
            name = detection.create(self.detector, model=model).name
        weights = str(model.absolute()) if model else None
        return Recipe(PRESETS[self.preset], name, weights, self.counterfactual, self.seed)


@dataclass(frozen=True)
class SelectionOptions:
    """Which labelled pictures are used."""

    PANEL: ClassVar[str] = "Selection"

    min_face_score: Annotated[
        float | None, typer.Option(help="Only faces with a score above this in the data set.")
    ] = None
    no_second_face: Annotated[
        bool, typer.Option("--no-second-face", help="Only pictures with one face.")
    ] = False
    max_second_face_score: Annotated[
        float | None, typer.Option(help="Allow a second face with a score below this.")
    ] = None
    min_age: Annotated[float | None, typer.Option(help="In years.")] = None
    max_age: Annotated[float | None, typer.Option(help="In years, included.")] = None

    def selection(self) -> "Selection":
        from genderscope.core.errors import UsageError
        from genderscope.data.selection import Selection

        if self.no_second_face and self.max_second_face_score is not None:
            raise UsageError("--no-second-face allows none: drop --max-second-face-score")
        second = inf if self.max_second_face_score is None else self.max_second_face_score
        return Selection(
            min_face_score=self.min_face_score,
            max_second_face_score=None if self.no_second_face else second,
            min_age=self.min_age,
            max_age=self.max_age,
            present=False,  # a missing picture is counted and named as a failure
        )


@expanded
def prepare(
    source: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="Such as imdb:DIR or fairface:DIR?split=train."),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="The cache: a new folder, or one to resume.")
    ],
    crops: CropOptions,
    selection: SelectionOptions,
    split: Annotated[
        str | None,
        typer.Option(help="Split of every source.  [default: its training split, or all of it]"),
    ] = None,
    exclude: _options.Exclude = None,
    preview: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png",
            dir_okay=False,
            help="Draw each step of preprocessing for some faces.",
        ),
    ] = None,
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

    from genderscope.cli._cache import Sources, cached
    from genderscope.core.errors import UsageError
    from genderscope.core.extras import require
    from genderscope.data.prepare import cluster, processes

    if engine not in ENGINES:
        raise UsageError(f"no engine {engine!r}; there are: {', '.join(ENGINES)}")
    if preview and preview.suffix.lower() != ".png":
        raise UsageError(f"--preview writes a .png, not {preview.name}")
    samples = Sources(source, split, selection.selection(), exclude)
    recipe = crops.recipe()
    require("pyarrow", "eval")
    if engine == "ray":
        require("ray", "cluster")
    if preview:
        from genderscope.data.prepare.preview import save

        save(samples, recipe, preview)
    console = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
    shards = cluster.shards if engine == "ray" else processes
    cache = cached(samples, recipe, out, jobs, console, shards)
    _print(samples, cache, console)
    if cache.failures:
        raise typer.Exit(1)


def _print(samples: "Sources", cache: "Crops", console: "Console") -> None:
    from genderscope.cli import printable

    for condition, count in samples.removed.items():
        if count:
            console.print(f"removed by the condition '{condition}': {count:,}")
    for reason, count in cache.failures.items():
        console.print(printable(f"failed: {count:,}: {reason}"))
    failed = sum(cache.failures.values())
    typer.echo(f"{len(cache):,} crops in {cache.folder}, {failed:,} pictures failed")
