from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from typer import Argument, Option, echo

from genderscope.cli import _options, _output
from genderscope.core.errors import UsageError
from genderscope.core.extras import require

if TYPE_CHECKING:
    from genderscope.data.prepare.shards import Recipe
    from genderscope.data.selection import Selection

PANEL = "Data"


@dataclass(frozen=True)
class CropOptions:
    """How faces are located and cut.

    Attributes:
        preset: preprocessing preset: aligned, aligned-colour, aligned-wide or paper.
        given_boxes: use the data set's face boxes, or the whole picture where it has none.
        counterfactual: apply a counterfactual condition, such as 'surgical mask', or 'random' for
            random glasses, masks and covers.
        seed: random seed of --counterfactual.
    """

    PANEL: ClassVar[str] = "Crops"

    preset: str = "aligned"
    given_boxes: bool = False
    detector: _options.DetectorName = None
    detector_model: _options.DetectorModel = None
    counterfactual: Annotated[str | None, Option(metavar="CONDITION")] = None
    seed: int = 0

    def recipe(self) -> "Recipe":
        from genderscope import detection
        from genderscope.data import counterfactuals
        from genderscope.data.prepare.shards import Recipe
        from genderscope.imaging.preprocess import PRESETS

        _options.check("preset", self.preset, PRESETS)
        if self.given_boxes and (self.detector or self.detector_model):
            raise UsageError("--given-boxes uses no detector: drop --detector and --detector-model")
        if self.counterfactual and self.counterfactual != counterfactuals.RANDOM:
            counterfactuals.condition(self.counterfactual)
        name, model = None, self.detector_model
        if not self.given_boxes:
            name = detection.create(self.detector, model=model).name
        weights = str(model.absolute()) if model else None
        return Recipe(PRESETS[self.preset], name, weights, self.counterfactual, self.seed)


@dataclass(frozen=True)
class SelectionOptions:
    """Which labelled pictures are used.

    Attributes:
        min_face_score: keep faces whose score in the data set exceeds this.
        no_second_face: keep pictures with a single face.
        max_second_face_score: also keep pictures whose second face scores below this.
        min_age: minimum age in years, inclusive.
        max_age: maximum age in years, inclusive.
    """

    PANEL: ClassVar[str] = "Selection"

    min_face_score: float | None = None
    no_second_face: bool = False
    max_second_face_score: float | None = None
    min_age: float | None = None
    max_age: float | None = None

    def selection(self) -> "Selection":
        from genderscope.data.selection import Selection

        if self.no_second_face and self.max_second_face_score is not None:
            raise UsageError("--no-second-face allows none: drop --max-second-face-score")
        second = inf if self.max_second_face_score is None else self.max_second_face_score
        return Selection(
            min_face_score=self.min_face_score,
            max_second_face_score=None if self.no_second_face else second,
            min_age=self.min_age,
            max_age=self.max_age,
            present=False,  # missing pictures are reported as failures
        )


@_options.expanded
def prepare(
    source: Annotated[list[str], Argument(metavar="SOURCE...")],
    out: Annotated[Path, Option(metavar="DIR")],
    crops: CropOptions,
    selection: SelectionOptions,
    split: str | None = None,
    exclude: _options.Exclude = None,
    preview: Annotated[Path | None, _options.PNG, _options.Output()] = None,
    jobs: _options.Jobs = None,
    engine: _options.Engine = "local",
) -> None:
    """Crop every labelled face of a data set into a cache.

    The same command resumes an interrupted run; other data or options need another folder.
    `train --cache DIR` trains on the crops. Needs the extra [eval].
    Exit codes: 0 success, 1 some pictures failed, 2 usage error.

    Args:
        source: data sets, such as imdb:DIR or fairface:DIR?split=train.
        out: cache folder: new, or that of an interrupted run.
        split: split of each data set.  [default: train, else all]
        preview: draw each preprocessing step for some faces.
    """
    from genderscope.cli._cache import Sources, cached
    from genderscope.data.prepare import cluster, processes

    _options.check("engine", engine, _options.ENGINES)
    _options.check_suffix("--preview", preview, ".png")
    samples = Sources(source, split, selection.selection(), exclude)
    recipe = crops.recipe()
    require("pyarrow", "eval")
    if engine == "ray":
        require("ray", "cluster")
    if preview:
        from genderscope.data.prepare.preview import save

        save(samples, recipe, preview)
    shards = cluster.shards if engine == "ray" else processes
    cache = cached(samples, recipe, out, jobs, shards)
    for condition, count in samples.removed.items():
        if count:
            _output.error(f"removed by the condition '{condition}': {count:,}")
    failures = cache.manifest.failures
    failed = sum(failures.values())
    echo(f"{len(cache):,} crops in {cache.folder}, {failed:,} pictures failed")
    _output.fail(f"failed: {count:,}: {reason}" for reason, count in failures.items())
