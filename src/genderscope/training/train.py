"""Training: crops in, a network with its record out.

A validation part is cut from the training data by the seed; everything that is chosen (settings,
temperature, threshold) is chosen on it. Knows nothing of data sets' layouts or of ONNX.
"""

import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from warnings import filterwarnings

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EMAWeightAveraging,
    ModelCheckpoint,
    RichProgressBar,
)

from genderscope.core import plugins
from genderscope.core.errors import UsageError
from genderscope.data.prepare.crops import Crops
from genderscope.training import distributed
from genderscope.training.batches import (
    age_groups,
    class_weights,
    race_groups,
    split,
    training_loader,
    validation_loader,
)
from genderscope.training.task import WARM_UP, WEIGHTS, Settings, Task, plain

EMA_STEPS = 8  # the average moves once in so many steps: each costs as much as a layer
LAST = "last.ckpt"
RECORD = "record.json"


def train(
    crops: Crops,
    settings: Settings,
    out: Path,
    resume: bool = False,
    altered: Crops | None = None,
    callbacks: Sequence[Callback] = (),
) -> Task:
    """Train a network and write ``record.json``; checkpoints go to ``out`` after every epoch.

    Args:
        altered: the same samples in other conditions, for ``settings.altered_share``.
        callbacks: Lightning's, beside the run's own.

    Raises:
        UsageError: ``resume`` without a checkpoint, or with other settings than it was begun with;
            fewer crops than a batch holds; ``altered`` of other samples, or none where a share of
            it is asked for.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    for message in (".*does not have many workers", ".*Checkpoint directory .* exists"):
        filterwarnings("ignore", message=message)
    filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
    out.mkdir(parents=True, exist_ok=True)
    begun = out / "settings.json"
    if resume and not (out / LAST).is_file():
        raise UsageError(f"{out} holds no checkpoint to resume from")
    # A run that was begun before a setting existed had its default.
    if resume and plain(Settings()) | json.loads(begun.read_text()) != plain(settings):
        raise UsageError(f"{out} was begun with other settings: see {begun}")
    if distributed.first() and not resume:
        begun.write_text(json.dumps(plain(settings), indent=1))

    began_at = commit()
    pl.seed_everything(settings.seed, verbose=False)
    train_part, held_part = split(crops, settings.validation_ratio, settings.seed)
    if altered is None and settings.altered_share:
        raise UsageError("a share of altered crops needs a cache of them")
    if altered is not None and (altered.files, altered.spec) != (crops.files, crops.spec):
        raise UsageError(f"{altered.folder} does not hold the samples of {crops.folder}, altered")
    for run in filter(None, (settings.start, *settings.teachers)):
        _agree(Path(run), settings, crops)
    if len(train_part) < settings.batch_size:
        raise UsageError(f"batches of {settings.batch_size} of {len(train_part)} training crops")
    if settings.batch_size % distributed.count():
        raise UsageError(
            f"{distributed.count()} processes cannot share batches of {settings.batch_size}"
        )
    weights = class_weights(crops.labels[train_part]) if settings.balance == "weights" else None
    task = Task(
        settings,
        crops.spec,
        len(age_groups(crops)[1]),
        None if weights is None else torch.from_numpy(weights),
        len(race_groups(crops)[1]),
    )
    steps = settings.epochs * (len(train_part) // settings.batch_size)
    trainer = pl.Trainer(
        max_epochs=settings.epochs,
        strategy="ddp" if distributed.count() > 1 else "auto",
        devices=distributed.here(),
        num_nodes=distributed.count() // distributed.here(),
        use_distributed_sampler=False,  # each batch is shared out: see ``ranks``
        precision=_precision(settings.model),
        logger=False,
        default_root_dir=out,
        enable_model_summary=False,
        enable_progress_bar=sys.stderr.isatty(),
        callbacks=[
            *callbacks,
            ModelCheckpoint(
                out, filename="last", enable_version_counter=False, save_on_train_epoch_end=True
            ),
            EMAWeightAveraging(
                decay=settings.ema_decay**EMA_STEPS,
                update_every_n_steps=EMA_STEPS,
                update_starting_at_step=int(steps * WARM_UP),
            ),
            *([RichProgressBar()] if sys.stderr.isatty() else []),
        ],
    )
    _fit(
        trainer,
        task,
        training_loader(
            crops,
            train_part,
            settings.batch_size,
            settings.seed,
            settings.balance == "sampler",
            altered,
            settings.altered_share,
        ),
        validation_loader(crops, held_part),
        ckpt_path=out / LAST if resume else None,
        weights_only=False,
    )
    if not distributed.first():
        return task
    # The averaged weights are the checkpoint's; a run that had ended would keep the last step's.
    saved = torch.load(out / LAST, map_location="cpu", weights_only=False)["state_dict"]
    mine = {name: saved[f"network.{name}"] for name in task.network.state_dict()}
    task.network.load_state_dict(mine)
    state = {"model": settings.model, "channels": crops.spec.channels}
    torch.save(state | {"state": task.network.state_dict()}, out / WEIGHTS)
    record = {
        "settings": _named(settings),
        "spec": crops.spec.to_dict(),
        "data": {
            "sources": list(crops.manifest.sources),
            "fingerprint": crops.manifest.fingerprint,
            "detector": crops.manifest.detector,
        }
        | {
            "altered": altered.manifest.counterfactual
            if altered and settings.altered_share
            else None
        }
        | {"train": len(train_part), "validation": len(held_part)},
        "commit": began_at,
        "versions": {name: version(name) for name in ("genderscope", "torch", "lightning")},
        "history": task.history,
        "seconds": round(task.seconds),
    }
    (out / RECORD).write_text(json.dumps(record, indent=1))
    return task


def commit() -> str:
    """The commit of the working tree that trains, or ``unknown`` outside one."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        # An environment may lie in the working tree of something else.
        subprocess.run(
            [*git, "ls-files", "--error-unmatch", __file__], capture_output=True, check=True
        )
        command = [*git, "describe", "--always", "--dirty", "--abbrev=12"]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return answer.stdout.strip()


def _agree(run: Path, settings: Settings, crops: Crops) -> None:
    """Refuse a run that has learnt from what is held out here."""
    if not (run / RECORD).is_file():
        return
    record = json.loads((run / RECORD).read_text())
    if record["data"]["fingerprint"] != crops.manifest.fingerprint:
        return
    for name in ("seed", "validation_ratio"):
        if (theirs := record["settings"][name]) != (ours := getattr(settings, name)):
            raise UsageError(
                f"{run} was trained with {name} {theirs}, not {ours}: it has seen faces of these "
                "crops that are held out now"
            )


def _fit(trainer: pl.Trainer, *given: Any, **options: Any) -> None:
    try:
        trainer.fit(*given, **options)
    except SystemExit as error:  # what Lightning makes of Ctrl-C
        raise KeyboardInterrupt from error


def _named(settings: Settings) -> dict[str, Any]:
    """The settings with runs by their names: where they lay is nobody's business."""
    start = settings.start and Path(settings.start).name
    return plain(settings) | {
        "teachers": [Path(run).name for run in settings.teachers],
        "start": start,
    }


def _precision(model: str) -> Any:
    """Mixed precision where the machine computes bfloat16 itself, which halves the time of most."""
    if torch.cuda.is_available():
        return "bf16-mixed"
    slower = getattr(plugins.load("training.models", model), "SLOWER_IN_BFLOAT16", False)
    return (
        "bf16-mixed" if torch.ops.mkldnn._is_mkldnn_bf16_supported() and not slower else "32-true"
    )
