"""Training: crops in, a network with its record out.

A validation part is cut from the training data by the seed; everything that is chosen (settings,
temperature, threshold) is chosen on it. Knows nothing of data sets' layouts or of ONNX.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any, cast
from warnings import filterwarnings

import lightning.pytorch as pl
import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch.callbacks import (
    EMAWeightAveraging,
    ModelCheckpoint,
    RichProgressBar,
)
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, SequentialSampler

from genderscope import plugins
from genderscope.contracts import UsageError
from genderscope.lab.augment import Augmentation
from genderscope.prepare import Crops
from genderscope.preprocess import PreprocessSpec, scale, to_input

WARM_UP = 0.1
EMA_STEPS = 8  # the average moves once in so many steps: each costs as much as a layer
LAST = "last.ckpt"
RECORD = "record.json"
WEIGHTS = "weights.pt"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a training run is made of, besides its crops.

    Attributes:
        model: a file of ``lab/models``.
        learning_rate: the peak of one cycle; it warms up for a tenth and falls to nothing.
        label_smoothing: taken from the true class and given to both.
        teacher: a run's folder; its network's scores on the same views are learnt beside the labels
            (Hinton et al. 2015, arXiv:1503.02531), at half the weight each.
        ema_decay: of the averaged weights that are validated and exported.
        validation_ratio: share of the crops that is kept for choosing.
    """

    model: str = "mini_xception"
    epochs: int = 40
    batch_size: int = 128
    learning_rate: float = 4e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    teacher: str | None = None
    ema_decay: float = 0.998
    validation_ratio: float = 0.075
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)


def load(run: Path) -> nn.Module:
    """The trained network of a run's folder, ready to answer and closed to training.

    Raises:
        UsageError: the folder holds no finished run.
    """
    if not (run / WEIGHTS).is_file():
        raise UsageError(f"{run} holds no finished run: {WEIGHTS} is not there")
    saved = torch.load(run / WEIGHTS, weights_only=True)
    network: nn.Module = plugins.load("lab.models", saved["model"]).create(saved["channels"])
    network.load_state_dict(saved["state"])
    return network.to(memory_format=torch.channels_last).eval().requires_grad_(False)


class Batches(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Crops by batches of indices: (crops, shown, labels), as uint8, bool and int64."""

    def __init__(self, crops: Crops, indices: npt.NDArray[np.int64], exact: bool) -> None:
        self._crops, self._indices, self._exact = crops, indices, exact

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, batch: list[int]) -> tuple[Tensor, Tensor, Tensor]:
        chosen = self._indices[batch]
        labels = torch.from_numpy(self._crops.labels[chosen].astype(np.int64))
        if self._exact:
            inputs = to_input(self._crops.exact(chosen), self._crops.spec)
            return torch.from_numpy(inputs).float(), torch.empty(0), labels
        shown = self._crops.shown(chosen)
        return torch.from_numpy(self._crops.wide(chosen)), torch.from_numpy(shown), labels


class Task(pl.LightningModule):
    """The network, its loss and its schedule."""

    def __init__(self, settings: Settings, spec: PreprocessSpec) -> None:
        super().__init__()
        self.settings, self.spec = settings, spec
        network = plugins.load("lab.models", settings.model).create(spec.channels)
        self.network: nn.Module = network.to(memory_format=torch.channels_last)
        self.teacher = load(Path(settings.teacher)) if settings.teacher else None
        self.history: list[dict[str, float]] = []
        self.seconds = 0.0

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], _: int) -> Tensor:
        crops, shown, labels = batch
        wide = (crops[..., None] if self.spec.colour == "grey" else crops).permute(0, 3, 1, 2)
        wide = wide.float()
        if self.spec.padding == "noise":
            noise = torch.rand_like(wide) * 255
            wide = torch.where(shown[:, None], wide, noise)
        views = scale(self.settings.augmentation(wide, self.spec.size), self.spec)
        views = views.to(getattr(torch, self.spec.dtype)).to(memory_format=torch.channels_last)
        logits = self.network(views.float()).float()
        loss = F.cross_entropy(logits, labels, label_smoothing=self.settings.label_smoothing)
        if self.teacher is not None:
            with torch.no_grad():
                target = self.teacher(views.float()).float().softmax(1)
            loss = (loss + F.cross_entropy(logits, target)) / 2
        self.log("train_loss", loss, on_step=False, on_epoch=True, prog_bar=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor], number: int) -> None:
        inputs, _, labels = batch
        logits = self.network(inputs.to(memory_format=torch.channels_last)).float()
        correct = (logits.argmax(1) == labels).float()
        self.log("accuracy", correct.mean(), prog_bar=True, batch_size=len(labels))
        self.log("loss", F.cross_entropy(logits, labels), batch_size=len(labels))

    def on_train_epoch_start(self) -> None:
        self._began = perf_counter()

    def on_train_epoch_end(self) -> None:
        self.seconds += perf_counter() - self._began
        names = ("train_loss", "loss", "accuracy")
        values = {name: round(float(self.trainer.callback_metrics[name]), 5) for name in names}
        self.history.append({"epoch": self.current_epoch, **values})
        if not sys.stderr.isatty():
            self.print(json.dumps(self.history[-1]), file=sys.stderr, flush=True)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["history"], checkpoint["seconds"] = self.history, self.seconds

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.history, self.seconds = checkpoint["history"], checkpoint["seconds"]

    def configure_optimizers(self) -> Any:
        # Normalisation and biases are not decayed: they hold no capacity worth shrinking.
        matrices = [p for p in self.network.parameters() if p.ndim > 1]
        vectors = [p for p in self.network.parameters() if p.ndim == 1]
        optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": self.settings.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ]
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            self.settings.learning_rate,
            total_steps=int(self.trainer.estimated_stepping_batches),
            pct_start=WARM_UP,
        )
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


def split(crops: Crops, ratio: float, seed: int) -> tuple[Any, Any]:
    """Indices for training and for validation, by class and the seed; unlabelled crops in neither.

    Identities, where the data set knows them, are never in both.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedShuffleSplit

    known = np.flatnonzero(crops.labels >= 0)
    labels = crops.labels[known]
    if any(identity is not None for identity in crops.identities):
        who = [crops.identities[i] or f"row {i}" for i in known]
        folds = StratifiedGroupKFold(round(1 / ratio), shuffle=True, random_state=seed)
        train, held = next(folds.split(known, labels, who))
    else:
        shuffled = StratifiedShuffleSplit(1, test_size=ratio, random_state=seed)
        train, held = next(shuffled.split(known, labels))
    return np.sort(known[train]), np.sort(known[held])


def train(crops: Crops, settings: Settings, out: Path, resume: bool = False) -> Task:
    """Train a network and write ``record.json``; checkpoints go to ``out`` after every epoch.

    Raises:
        UsageError: ``resume`` without a checkpoint, or with other settings than it was begun with.
    """
    filterwarnings("ignore", message=".*does not have many workers")
    filterwarnings("ignore", message=".*Checkpoint directory .* exists")
    out.mkdir(parents=True, exist_ok=True)
    begun = out / "settings.json"
    if resume and not (out / LAST).is_file():
        raise UsageError(f"{out} holds no checkpoint to resume from")
    if resume and json.loads(begun.read_text()) != asdict(settings):
        raise UsageError(f"{out} was begun with other settings: see {begun}")
    begun.write_text(json.dumps(asdict(settings), indent=1))

    began_at = commit()
    pl.seed_everything(settings.seed, verbose=False)
    train_part, held_part = split(crops, settings.validation_ratio, settings.seed)
    task = Task(settings, crops.spec)
    steps = settings.epochs * (len(train_part) // settings.batch_size)
    trainer = pl.Trainer(
        max_epochs=settings.epochs,
        precision=_precision(),
        logger=False,
        default_root_dir=out,
        enable_model_summary=False,
        enable_progress_bar=sys.stderr.isatty(),
        callbacks=[
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
    trainer.fit(
        task,
        _loader(crops, train_part, settings.batch_size, exact=False),
        _loader(crops, held_part, 512, exact=True),
        ckpt_path=out / LAST if resume else None,
        weights_only=False,
    )
    state = {"model": settings.model, "channels": crops.spec.channels}
    torch.save(state | {"state": task.network.state_dict()}, out / WEIGHTS)
    record = {
        "settings": asdict(settings),
        "spec": crops.spec.to_dict(),
        "data": {key: crops.manifest[key] for key in ("sources", "fingerprint", "detector")}
        | {"train": len(train_part), "validation": len(held_part)},
        "commit": began_at,
        "versions": {name: version(name) for name in ("genderscope", "torch", "lightning")},
        "history": task.history,
        "seconds": round(task.seconds),
    }
    (out / RECORD).write_text(json.dumps(record, indent=1))
    return task


def validation_logits(task: Task, crops: Crops) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Logits (n, 2) and labels (n,) of the validation part, from the crops that run."""
    _, held = split(crops, task.settings.validation_ratio, task.settings.seed)
    task.network.eval()
    with torch.no_grad():
        logits = [task.network(inputs) for inputs, _, _ in _loader(crops, held, 512, exact=True)]
    return torch.cat(logits).double().numpy(), crops.labels[held].astype(np.int64)


def commit() -> str:
    """The commit of the working tree that trains, or ``unknown`` outside one."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"


def _loader(
    crops: Crops, indices: npt.NDArray[np.int64], batch_size: int, *, exact: bool
) -> DataLoader[Any]:
    batches = Batches(crops, indices, exact)
    order: Iterable[int] = SequentialSampler(batches) if exact else RandomSampler(batches)
    sampler = BatchSampler(cast(Any, order), batch_size, drop_last=not exact)
    return DataLoader(batches, batch_size=None, sampler=sampler)


def _precision() -> Any:
    """Mixed precision where the machine computes bfloat16 itself, which halves the time."""
    if torch.cuda.is_available() or torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return "bf16-mixed"
    return "32-true"
