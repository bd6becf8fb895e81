"""``genderscope tune``: search for good training settings."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

PANEL = "Train"


def tune(
    cache: Annotated[Path, typer.Option(metavar="DIR", help="Crops that prepare made.")],
    study: Annotated[
        Path, typer.Option(metavar="FILE.sqlite", help="The study; an existing one is resumed.")
    ],
    model: Annotated[str, typer.Option(help="A network, see train.")] = "mini_xception",
    trials: Annotated[int, typer.Option(min=1, help="Size of the study.")] = 20,
    epochs: Annotated[int, typer.Option(min=1, help="Of one trial.")] = 8,
    batch_size: Annotated[int, typer.Option(min=2)] = 128,
    small_share: Annotated[float, typer.Option(min=0, max=1, help="See train.")] = 0.0,
    teacher: Annotated[
        list[Path] | None, typer.Option(metavar="RUN", help="See train; of every trial.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", dir_okay=False, help="Write every ended trial to this file."),
    ] = None,
) -> None:
    """Search for good training settings.

    Prints the best settings on the validation part of the crops, as a recipe for train --recipe. A
    trial that does worse than the median of the others is pruned; the same command resumes a
    stopped study. Needs the extra [lab].
    """
    import shlex
    import sys

    from genderscope.core.extras import require
    from genderscope.data.prepare.crops import Crops

    require("optuna", "lab")
    from genderscope.training.settings import Settings
    from genderscope.training.tune import QUICK_DECAY, document
    from genderscope.training.tune import tune as search

    def report(trial: "FrozenTrial") -> None:
        value = "pruned" if trial.state.name == "PRUNED" else f"{trial.value:.4f}"
        typer.echo(f"trial {trial.number}: loss {value}", err=True)

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
        command = shlex.join(["genderscope", *sys.argv[1:]])
        document(searched, crops, settings, command).save(json_file, overwrite=True)
    best = searched.best_trial
    typer.echo(f"# trial {best.number} of {len(searched.trials)}: validation loss {best.value:.4f}")
    for name, value in {"model": model, "batch_size": batch_size, **best.params}.items():
        typer.echo(f"{name} = {value!r}".replace("'", '"'))
