"""A search for good settings: Optuna's study in an SQLite file, which goes on where it was stopped.

Every trial is a short training run; one that does worse than the median of the others so far is
ended early. What is minimised is the loss on the held-out part. Knows nothing of data sets.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lightning.pytorch as pl
import optuna
from lightning.pytorch.callbacks import Callback

from genderscope.core.errors import UsageError
from genderscope.data.prepare.crops import Crops
from genderscope.training.augment import Augmentation
from genderscope.training.task import Settings, plain
from genderscope.training.train import train

# An average over as many steps as in a long run would lag behind a short one.
QUICK_DECAY = 0.98
ENDED = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)


class Pruning(Callback):
    """Tells a trial of each epoch, and ends it where the study says so."""

    def __init__(self, trial: optuna.Trial) -> None:
        self._trial = trial

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._trial.report(float(trainer.callback_metrics["loss"]), trainer.current_epoch)
        if self._trial.should_prune():
            raise optuna.TrialPruned


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """A recipe's options for one trial."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-3, 2e-2, log=True),
        "muon_rate": trial.suggest_float("muon_rate", 5e-3, 0.1, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 5e-3, 0.5, log=True),
        "label_smoothing": trial.suggest_float("label_smoothing", 0, 0.15),
        "augmentation": trial.suggest_float("augmentation", 0.3, 1.3),
        "mixup": trial.suggest_categorical("mixup", [0.0, 0.1, 0.3]),
        "age_weight": trial.suggest_float("age_weight", 0, 0.6),
    }


def tune(
    crops: Crops,
    settings: Settings,
    study_file: Path,
    trials: int,
    told: Callable[[optuna.trial.FrozenTrial], None] = lambda trial: None,
) -> optuna.Study:
    """Try settings until the study holds ``trials`` ended ones.

    Args:
        settings: what is not searched: the network, epochs, batches, teachers and the seed.
        study_file: the SQLite file; one that exists goes on.
        told: is called with each trial that ends.

    Raises:
        UsageError: the study was begun with other settings or other crops.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=settings.model,
        storage=f"sqlite:///{study_file.absolute()}",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1),
    )
    begun = plain(settings) | {"fingerprint": crops.manifest.fingerprint}
    if study.user_attrs.get("begun", begun) != begun:
        raise UsageError(f"{study_file} is a study of other settings or crops: name another file")
    study.set_user_attr("begun", begun)
    # Going on, it must not draw the first trials again.
    study.sampler = optuna.samplers.TPESampler(seed=settings.seed + len(study.trials))

    def objective(trial: optuna.Trial) -> float:
        options = suggest(trial)
        options["augmentation"] = Augmentation().times(options["augmentation"])
        with TemporaryDirectory() as folder:
            chosen = replace(settings, **options)
            task = train(crops, chosen, Path(folder), callbacks=[Pruning(trial)])
        return task.history[-1]["loss"]

    if (left := trials - len(study.get_trials(states=ENDED))) > 0:
        study.optimize(objective, left, callbacks=[lambda _, trial: told(trial)])
    return study


def ended(study: optuna.Study) -> list[dict[str, Any]]:
    """The trials that ended, in their order: what they tried and the held-out loss each epoch."""
    return [
        {
            "number": trial.number,
            "state": trial.state.name.lower(),
            "losses": [round(loss, 5) for _, loss in sorted(trial.intermediate_values.items())],
            "options": trial.params,
        }
        for trial in study.get_trials(states=ENDED)
    ]
