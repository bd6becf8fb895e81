"""A search for settings: a resumable Optuna study in an SQLite file that minimises the validation
loss. A trial is a short run, pruned if it is worse than the median of the others at that epoch.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import lightning.pytorch as pl
import optuna
from lightning.pytorch.callbacks import Callback
from msgspec import to_builtins
from msgspec.structs import replace
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL
from sqlalchemy.exc import DatabaseError

from genderscope.core import plugins
from genderscope.core.errors import UsageError
from genderscope.core.results import Provenance, versions
from genderscope.data.prepare.crops import Crops
from genderscope.training import batches
from genderscope.training.record import Study, Trial
from genderscope.training.settings import Augmentation, Settings
from genderscope.training.train import train

QUICK_DECAY = 0.98  # the average of a long run would lag behind in a short one
ENDED = (TrialState.COMPLETE, TrialState.PRUNED)


class Pruning(Callback):
    """Reports each epoch to a trial, and stops the trial if the study prunes it."""

    def __init__(self, trial: optuna.Trial) -> None:
        self._trial = trial

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._trial.report(float(trainer.callback_metrics["loss"]), trainer.current_epoch)
        if self._trial.should_prune():
            raise optuna.TrialPruned


def suggest(trial: optuna.Trial, ages: bool = True) -> dict[str, float]:
    """A recipe's options for one trial; ``ages``: the crops have age groups to learn from."""
    options = {
        "learning_rate": trial.suggest_float("learning_rate", 1e-3, 2e-2, log=True),
        "muon_rate": trial.suggest_float("muon_rate", 5e-3, 0.1, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 5e-3, 0.5, log=True),
        "label_smoothing": trial.suggest_float("label_smoothing", 0, 0.15),
        "augmentation": trial.suggest_float("augmentation", 0.3, 1.3),
        "mixup": trial.suggest_categorical("mixup", [0.0, 0.1, 0.3]),
    }
    if ages:
        options["age_weight"] = trial.suggest_float("age_weight", 0, 0.6)
    return options


def tune(
    crops: Crops,
    settings: Settings,
    file: Path,
    trials: int,
    report: Callable[[FrozenTrial], None] = lambda trial: None,
) -> optuna.Study:
    """Try settings until the study in an SQLite file holds ``trials`` ended ones. ``settings`` are
    those not searched: the network, epochs, batches, teachers and the seed. ``report`` is called
    with each trial that ends; its value is None if the loss is not a number. ``UsageError`` if the
    study has other settings or crops, or no trial has a loss.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    ages = bool(batches.age_groups(crops)[1])
    plugins.load("training.models", settings.model)  # here, since studies keep failed trials
    try:
        study = optuna.create_study(
            study_name=settings.model,
            storage=str(URL.create("sqlite", database=str(file.absolute()))),
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1),
        )
    except DatabaseError as error:
        raise UsageError(f"{file} cannot be opened as a study: {error.orig}") from error
    shared = to_builtins(settings) | {"fingerprint": crops.manifest.fingerprint}
    shared["teachers"] = list(settings.teachers)  # as JSON has it
    if study.user_attrs.get("shared", shared) != shared:
        raise UsageError(f"{file} is a study of other settings or crops: name another file")
    study.set_user_attr("shared", shared)
    # A resumed study must not draw the first trials again.
    study.sampler = optuna.samplers.TPESampler(seed=settings.seed + len(study.trials))

    def objective(trial: optuna.Trial) -> float:
        options = suggest(trial, ages)
        augmentation = Augmentation().times(options.pop("augmentation"))
        with TemporaryDirectory() as folder:
            tried = replace(settings, augmentation=augmentation, **options)
            module = train(crops, tried, Path(folder), callbacks=[Pruning(trial)])
        return module.history[-1].loss

    if (missing := trials - len(study.get_trials(states=ENDED))) > 0:
        study.optimize(objective, missing, callbacks=[lambda _, trial: report(trial)])
    if not study.get_trials(states=(TrialState.COMPLETE,)):
        raise UsageError(f"no trial of {file} ended with a loss: repeat the command to try others")
    return study


def document(study: optuna.Study, crops: Crops, settings: Settings, command: str) -> Study:
    """The ended trials of a study of some settings."""
    return Study(
        provenance=Provenance(
            command=command,
            versions=versions(("torch", "lightning", "optuna")),
            seed=settings.seed,
            fingerprint=crops.manifest.fingerprint,
        ),
        settings=settings,
        trials=tuple(
            Trial(
                number=trial.number,
                state="pruned" if trial.state is TrialState.PRUNED else "complete",
                losses=tuple(
                    round(loss, 5) for _, loss in sorted(trial.intermediate_values.items())
                ),
                options=trial.params,
            )
            for trial in study.get_trials(states=ENDED)
        ),
    )
