"""Training: from crops to a network with its record. All choices (settings, temperature,
threshold) are made on a validation part, split from the crops by the seed.
"""

import logging
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from warnings import filterwarnings

import lightning.pytorch as pl
import torch
import torch.nn.functional as F
from lightning.pytorch.callbacks import (
    Callback,
    EMAWeightAveraging,
    LambdaCallback,
    ModelCheckpoint,
    RichProgressBar,
)
from msgspec import ValidationError, convert, to_builtins
from msgspec.structs import replace

from genderscope.core.errors import UsageError
from genderscope.core.results import Provenance, versions
from genderscope.core.storage import write_whole
from genderscope.data.prepare.crops import Crops
from genderscope.training import batches, distributed, recipes, teacher_scores
from genderscope.training.calibration import check_labels
from genderscope.training.lightning_module import WARM_UP, ClassifierModule
from genderscope.training.record import Epoch, TrainingData, TrainingRecord
from genderscope.training.runs import CHECKPOINT, RECORD, WEIGHTS, fill, is_finished, load, read
from genderscope.training.settings import Settings

EMA_RUN_PARTS = 5  # the average spans at most a fifth of a run, so that it follows a short one too
EMA_STEPS = 8  # steps between updates of the average, each of which costs as much as a layer


def train(
    crops: Crops,
    settings: Settings,
    out: Path,
    resume: bool = False,
    occlusions: Crops | None = None,
    callbacks: Sequence[Callback] = (),
    command: str = "",
) -> ClassifierModule:
    """Train a network and write ``record.json``; checkpoints go to ``out`` after every epoch.
    ``occlusions`` are the same samples with occlusions, for ``settings.occlusion_share``.

    ``UsageError``: ``resume`` without a checkpoint or with other settings or crops; crops of a
    data set without a reader, or fewer than a batch; held-out faces of one label only;
    ``occlusions`` missing or of other samples; a teacher trained on held-out faces.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    filterwarnings("ignore", ".*does not have many workers|.*Checkpoint directory .* exists")
    filterwarnings("ignore", ".*LeafSpec", FutureWarning)
    out.mkdir(parents=True, exist_ok=True)
    revision = commit()
    if resume:
        _check_resumable(out, settings, crops)
    train_part, validation_part = batches.split(crops, settings.validation_ratio, settings.seed)
    _check(crops, settings, occlusions, len(train_part))
    check_labels(crops.labels[validation_part])

    pl.seed_everything(settings.seed, verbose=False)
    scores = teacher_scores.mean(settings.teacher_scores, crops)
    weights = None
    if settings.balance == "weights":
        weights = torch.from_numpy(batches.class_weights(crops.labels[train_part]))
    (_, ages), (_, races) = batches.age_groups(crops), batches.race_groups(crops)
    module = ClassifierModule(settings, crops.spec, len(ages), weights, len(races))
    steps = settings.epochs * (len(train_part) // settings.batch_size)
    trainer = _trainer(settings, out, steps, [_origin(crops), *callbacks])
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(
            module,
            batches.training_loader(crops, train_part, settings, occlusions, scores),
            batches.validation_loader(crops, validation_part),
            ckpt_path=out / CHECKPOINT if resume else None,
            weights_only=True,
        )
    except SystemExit as error:  # Lightning raises it on Ctrl-C, and ignores any later one
        signal.signal(signal.SIGINT, interrupt)
        raise KeyboardInterrupt from error
    if distributed.first():
        _save_weights(module, crops, out)
        if settings.init_share:
            module.history.append(_final_epoch(module, crops, validation_part))
        record = _record(
            module, crops, occlusions, (train_part, validation_part), revision, command
        )
        record.save(out / RECORD, overwrite=True)
    return module


def train_parents(
    options: recipes.Options,
    crops: Crops,
    runs: Path,
    seed: int,
    occlusions: Crops | None,
    report: Callable[[str], None],
    within: tuple[str, ...] = (),
) -> None:
    """Train the recipes that a recipe builds on, recursively, unless their runs exist in ``runs``,
    with a line of text to ``report`` before each. ``UsageError`` if one is ``within`` itself.
    """
    for name in recipes.parents(options):
        if name in within:
            raise UsageError(f"the recipe {name} builds on itself: name another teacher or run")
        run = runs / name
        if not is_finished(run):
            parent = recipes.read(name)
            train_parents(parent, crops, runs, seed, occlusions, report, (*within, name))
            report(f"training {name} first, in {run}")
            settings = replace(recipes.settings(parent, runs), seed=seed)
            train(crops, settings, run, (run / CHECKPOINT).is_file(), occlusions)


def commit() -> str:
    """The commit of this code's working tree, or ``unknown`` outside one."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        # The environment may be inside the working tree of another project.
        tracked = [*git, "ls-files", "--error-unmatch", __file__]
        subprocess.run(tracked, capture_output=True, check=True)
        command = [*git, "describe", "--always", "--dirty", "--abbrev=12"]
        described = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described.stdout.strip()


def _origin(crops: Crops) -> Callback:
    """Describes a run's crops in its checkpoints, so that no others resume it."""
    described = _described(crops)
    return LambdaCallback(
        on_save_checkpoint=lambda _trainer, _module, checkpoint: checkpoint.update(crops=described)
    )


def _described(crops: Crops) -> dict[str, object]:
    manifest = crops.manifest
    values = {"fingerprint": manifest.fingerprint, "detector": manifest.detector}
    return values | {"spec": to_builtins(crops.spec)}


def _check_resumable(out: Path, settings: Settings, crops: Crops) -> None:
    if not (out / CHECKPOINT).is_file():
        raise UsageError(f"{out} holds no checkpoint to resume from")
    saved = read(out / CHECKPOINT)
    try:
        same = convert(saved.get("settings"), Settings) == settings
    except ValidationError:
        same = False
    if not same:
        raise UsageError(f"{out} was trained with other settings: they are in its {CHECKPOINT}")
    if saved.get("crops", _described(crops)) != _described(crops):  # an older one lacks them
        raise UsageError(f"{out} was trained on other crops than those in {crops.folder}")


def _check(crops: Crops, settings: Settings, occlusions: Crops | None, training: int) -> None:
    crops.check_readers()  # the export needs them
    if occlusions is None and settings.occlusion_share:
        raise UsageError("occlusion_share needs a cache of crops with occlusions")
    if occlusions and (occlusions.files, occlusions.spec) != (crops.files, crops.spec):
        raise UsageError(
            f"{occlusions.folder} does not hold the samples of {crops.folder} with occlusions"
        )
    if settings.init_share and not settings.init_from:
        raise UsageError("init_share needs init_from, a run whose weights are averaged in")
    if settings.teachers and settings.teacher_scores:
        raise UsageError("use either teachers or teacher_scores, not both")
    for run in filter(None, (settings.init_from, *settings.teachers)):
        _check_held_out(Path(run), settings, crops)
    if training < settings.batch_size:
        raise UsageError(f"{training} training crops do not fill a batch of {settings.batch_size}")
    if settings.batch_size % (count := distributed.count()):
        raise UsageError(f"{count} processes cannot share batches of {settings.batch_size}")


def _check_held_out(run: Path, settings: Settings, crops: Crops) -> None:
    """``UsageError`` if a run was trained on faces that are held out here."""
    if not (run / RECORD).is_file():
        return
    record = TrainingRecord.load(run / RECORD)
    if record.provenance.fingerprint != crops.manifest.fingerprint:
        return
    for name in ("seed", "validation_ratio"):
        if (theirs := getattr(record.settings, name)) != (ours := getattr(settings, name)):
            raise UsageError(
                f"{run} was trained with {name} {theirs}, not {ours}: it has seen faces of these "
                "crops that are held out now"
            )


def _trainer(settings: Settings, out: Path, steps: int, extra: Iterable[Callback]) -> pl.Trainer:
    return pl.Trainer(
        max_epochs=settings.epochs,
        strategy="ddp" if distributed.count() > 1 else "auto",
        devices=distributed.here(),
        num_nodes=distributed.count() // distributed.here(),
        use_distributed_sampler=False,  # processes share each batch: see ``distributed``
        precision=precision(),
        logger=False,
        default_root_dir=out,
        enable_model_summary=False,
        enable_progress_bar=sys.stderr.isatty(),
        callbacks=[
            *extra,
            ModelCheckpoint(
                out, filename="last", enable_version_counter=False, save_on_train_epoch_end=True
            ),
            EMAWeightAveraging(
                decay=min(settings.ema_decay, max(1 - EMA_RUN_PARTS / steps, 0)) ** EMA_STEPS,
                update_every_n_steps=EMA_STEPS,
                update_starting_at_step=int(steps * WARM_UP),
            ),
            *([RichProgressBar()] if sys.stderr.isatty() else []),
        ],
    )


def _save_weights(module: ClassifierModule, crops: Crops, out: Path) -> None:
    # From the checkpoint: resuming a finished run leaves the last step's weights in the module.
    saved = read(out / CHECKPOINT)["state_dict"]
    averaged = {name: saved[f"network.{name}"] for name in module.network.state_dict()}
    if module.settings.init_share and module.settings.init_from:
        run = Path(module.settings.init_from)
        fill(module.network, load(run).state_dict(), run)
        for name, initial in module.network.state_dict().items():
            if initial.is_floating_point():
                averaged[name] = averaged[name].lerp(initial, module.settings.init_share)
    module.network.load_state_dict(averaged)
    network = {"model": module.settings.model, "channels": crops.spec.channels}
    data = BytesIO()
    torch.save(network | {"state": module.network.state_dict()}, data)
    write_whole(out / WEIGHTS, data.getvalue())


def _final_epoch(module: ClassifierModule, crops: Crops, validation_part: batches.Indices) -> Epoch:
    """Validation of the averaged weights that were saved."""
    logits = batches.logits(module.network.cpu().eval(), crops, validation_part)
    labels = torch.from_numpy(crops.labels[validation_part]).long()
    return Epoch(
        epoch=module.settings.epochs,
        train_loss=module.history[-1].train_loss,
        loss=round(float(F.cross_entropy(logits, labels)), 5),
        accuracy=round(float((logits.argmax(1) == labels).float().mean()), 5),
    )


def _record(
    module: ClassifierModule,
    crops: Crops,
    occlusions: Crops | None,
    parts: tuple[batches.Indices, batches.Indices],
    revision: str,
    command: str,
) -> TrainingRecord:
    settings, manifest = module.settings, crops.manifest
    used = occlusions if settings.occlusion_share else None
    return TrainingRecord(
        provenance=Provenance(
            command=command,
            versions=versions(("torch", "lightning")),
            seed=settings.seed,
            fingerprint=manifest.fingerprint,
            exclusions=manifest.provenance.exclusions,
        ),
        settings=replace(
            settings,
            teachers=tuple(Path(run).name for run in settings.teachers),
            init_from=settings.init_from and Path(settings.init_from).name,
            teacher_scores={Path(f).name: weight for f, weight in settings.teacher_scores.items()},
        ),
        spec=crops.spec,
        data=TrainingData(
            sources=manifest.sources,
            detector=manifest.detector,
            occlusions=used.manifest.counterfactual if used else None,
            train=len(parts[0]),
            validation=len(parts[1]),
        ),
        commit=revision,
        history=tuple(module.history),
        seconds=round(module.seconds),
    )


def precision() -> Any:  # a literal type that Lightning does not export
    """Mixed precision on a GPU, or a CPU with native bfloat16; it halves most training times."""
    fast = torch.cuda.is_available() or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return "bf16-mixed" if fast else "32-true"
