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
        Path, typer.Option(metavar="FILE.sqlite", help="The study; one that exists goes on.")
    ],
    model: Annotated[str, typer.Option(help="A network of the lab.")] = "mini_xception",
    trials: Annotated[int, typer.Option(min=1, help="How many the study is to hold.")] = 20,
    epochs: Annotated[int, typer.Option(min=1, help="Of one trial.")] = 8,
    batch_size: Annotated[int, typer.Option(min=2)] = 128,
    small_share: Annotated[float, typer.Option(min=0, max=1, help="As for train.")] = 0.0,
    teacher: Annotated[
        list[Path] | None, typer.Option(metavar="RUN", help="As for train; of every trial.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", dir_okay=False, help="Write every ended trial to this file."),
    ] = None,
) -> None:
    """Search for good training settings.

    Standard output gets the best ones as a recipe for train --recipe. A trial that does worse than
    the median of the others is ended early; a stopped study goes on with the same command.
    Needs the extra [lab].
    """
    import json

    from genderscope.core.extras import require
    from genderscope.core.storage import write_whole
    from genderscope.data.prepare.crops import Crops

    require("optuna", "lab")
    from genderscope.training.task import Settings
    from genderscope.training.tune import QUICK_DECAY, ended
    from genderscope.training.tune import tune as search

    def told(trial: "FrozenTrial") -> None:
        value = "ended early" if trial.state.name == "PRUNED" else f"{trial.value:.4f}"
        typer.echo(f"trial {trial.number}: loss {value}", err=True)

    taught = tuple(map(str, teacher or ()))
    settings = Settings(
        model,
        epochs,
        batch_size,
        small_share=small_share,
        teachers=taught,
        ema_decay=QUICK_DECAY,
        seed=seed,
    )
    found = search(Crops(cache), settings, study, trials, told)
    if json_file:
        report = {"begun": found.user_attrs["begun"], "trials": ended(found)}
        write_whole(json_file, f"{json.dumps(report, indent=1)}\n".encode())
    best = found.best_trial
    typer.echo(f"# trial {best.number} of {len(found.trials)}: loss {best.value:.4f} held out")
    for name, value in {"model": model, "batch_size": batch_size, **best.params}.items():
        typer.echo(f"{name} = {value!r}".replace("'", '"'))
