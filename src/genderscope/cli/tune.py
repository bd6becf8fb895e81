from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option, echo

from genderscope.cli import _options, _provenance
from genderscope.core.extras import require

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

PANEL = "Train"


@_options.expanded
def tune(
    cache: Annotated[Path, Option(metavar="DIR")],
    study: Annotated[Path, Option(metavar="FILE.sqlite")],
    model: str = "mini_xception",
    trials: Annotated[int, Option(min=1)] = 20,
    epochs: Annotated[int, Option(min=1)] = 8,
    batch_size: Annotated[int, Option(min=2)] = 128,
    small_share: Annotated[float, Option(min=0, max=1)] = 0.0,
    teacher: Annotated[list[Path] | None, Option(metavar="RUN")] = None,
    seed: _options.Seed = 0,
    json_file: _options.JsonFile = None,
) -> None:
    """Search for training settings with Optuna.

    Prints the settings with the lowest loss on the validation part of the crops, as a recipe for
    train --recipe. A trial worse than the median of the others is pruned; the same command resumes
    a stopped study. Needs the extra [lab].

    Args:
        cache: crop cache from prepare.
        study: Optuna study; an existing one is resumed.
        model: network architecture.
        trials: total number of trials.
        epochs: epochs per trial.
        batch_size: faces per training step.
        small_share: share of the epochs with smaller views, as in train.
        teacher: distil from this finished run in every trial; repeatable.
        seed: random seed of the study.
        json_file: write the finished trials as JSON.
    """
    from genderscope.data.prepare.crops import Crops

    require("optuna", "lab")
    from genderscope.training.settings import Settings
    from genderscope.training.tune import QUICK_DECAY, document
    from genderscope.training.tune import tune as search

    def report(trial: "FrozenTrial") -> None:
        value = "not a number" if trial.value is None else f"{trial.value:.4f}"
        value = "pruned" if trial.state.name == "PRUNED" else value
        echo(f"trial {trial.number}: loss {value}", err=True)

    settings = Settings(
        model=model,
        epochs=epochs,
        batch_size=batch_size,
        small_share=small_share,
        teachers=tuple(map(str, teacher or ())),
        ema_decay=QUICK_DECAY,
        seed=seed,
    )
    crops = Crops(cache)
    searched = search(crops, settings, study, trials, report)
    if json_file:
        results = document(searched, crops, settings, _provenance.command())
        results.save(json_file, overwrite=True)
    best = searched.best_trial
    echo(f"# trial {best.number} of {len(searched.trials)}: validation loss {best.value:.4f}")
    for name, value in {"model": model, "batch_size": batch_size, **best.params}.items():
        echo(f"{name} = {value!r}".replace("'", '"'))
