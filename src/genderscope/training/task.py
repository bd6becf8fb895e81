"""What is learnt and how: the settings of a run, the network with its loss and its schedule.

Knows nothing of files but a teacher's folder.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from math import log
from pathlib import Path
from time import perf_counter
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.distributions import Beta
from torch.nn import functional as F

from genderscope.core import plugins
from genderscope.core.errors import UsageError
from genderscope.core.types import LABELS
from genderscope.imaging.preprocess import PreprocessSpec, scale
from genderscope.training import distributed
from genderscope.training.augment import Augmentation
from genderscope.training.muon import Muon, suits

WARM_UP = 0.1
GROUP_RATE = 0.02  # of the running mean of a group's loss, a batch
WEIGHTS = "weights.pt"
BALANCES = ("none", "weights", "sampler")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a training run is made of, besides its crops.

    Attributes:
        model: a file of ``lab/models``.
        learning_rate: the peak of one cycle; it warms up for a tenth and falls to nothing.
        muon_rate: the peak for the matrices where Muon moves them (see ``muon``); 0 leaves them to
            Adam.
        small_share: of the epochs, the first ones, whose views are ``small_scale`` times as wide:
            what is coarse is learnt in a third of the time (Howard 2018's progressive resizing). A
            teacher sees them as large as ever.
        small_scale: side of those views, as a share of the network's own.
        label_smoothing: taken from the true class and given to both.
        mixup: parameter of the Beta distribution by which two faces and their labels are mixed
            (Zhang et al. 2018, arXiv:1710.09412); 0 mixes none.
        age_weight: what the loss on the data set's own age groups counts beside the rest. Training
            alone: the layer that names them is thrown away, and no output knows of ages.
        altered_share: of the faces that are seen in other conditions, such as with glasses drawn
            on. A teacher sees the same views without: what it says of the bare face is what the
            network is to say of the covered one.
        group_weighting: exponent by which groups of race and label with a higher loss count more: a
            group's weight is (its mean loss / the mean over groups) ** group_weighting. The labels
            serve for weights alone; 0 counts every face alike.
        pretrained: begin from the weights that the network's own ``pretrained`` reads.
        start: a run's folder; training goes on from its network instead of from random weights.
        teachers: runs' folders; the mean of their networks' scores on the same views is learnt
            beside the labels (Hinton et al. 2015, arXiv:1503.02531).
        teacher_weight: what that counts, of 1; the rest is the labels'.
        ema_decay: of the averaged weights that are validated and exported.
        validation_ratio: share of the crops that is kept for choosing.
        balance: what is done about classes of unequal size: ``weights`` lets both count as much in
            the loss on the labels, ``sampler`` shows as many of both, ``none`` nothing.
    """

    model: str = "mini_xception"
    epochs: int = 40
    batch_size: int = 128
    learning_rate: float = 4e-3
    muon_rate: float = 0.0
    small_share: float = 0.0
    small_scale: float = 0.625
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    mixup: float = 0.0
    age_weight: float = 0.0
    altered_share: float = 0.0
    group_weighting: float = 0.0
    pretrained: bool = False
    start: str | None = None
    teachers: tuple[str, ...] = ()
    teacher_weight: float = 0.5
    ema_decay: float = 0.998
    validation_ratio: float = 0.075
    seed: int = 0
    balance: str = "none"
    augmentation: Augmentation = field(default_factory=Augmentation)


def plain(settings: Settings) -> dict[str, Any]:
    """Settings as JSON has them."""
    values: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    return values


class Task(pl.LightningModule):
    """The network, its loss and its schedule."""

    class_weights: Tensor | None
    group_losses: Tensor

    def __init__(
        self,
        settings: Settings,
        spec: PreprocessSpec,
        ages: int = 0,
        class_weights: Tensor | None = None,
        groups: int = 0,
    ) -> None:
        """``ages`` is the number of age groups to learn from, ``groups`` that of race and label.

        Raises:
            UsageError: there are none, or not in this network, where they are asked for.
        """
        super().__init__()
        self.settings, self.spec = settings, spec
        module = plugins.load("training.models", settings.model)
        network = module.create(spec.channels)
        if settings.pretrained:
            if not hasattr(module, "pretrained"):
                raise UsageError(f"there are no pre-trained weights for {settings.model}")
            network.load_state_dict(module.pretrained(spec))
        self.network: nn.Sequential = network.to(memory_format=torch.channels_last)  # twice as fast
        if settings.start:
            _fill(self.network, load(Path(settings.start)).state_dict(), settings.start)
        if settings.age_weight and not isinstance(self.network[-2], nn.AdaptiveAvgPool2d):
            raise UsageError(f"{settings.model} does not end in maps to learn ages from")
        if settings.age_weight and not ages:
            raise UsageError("the crops have no age groups to learn from")
        self.ages = nn.LazyLinear(ages) if ages and settings.age_weight else None
        distributed.join(self.network)
        if self.ages is not None:
            self._both(torch.zeros(2, spec.channels, spec.size, spec.size))  # sizes the layer
        self.teacher = teacher(tuple(map(Path, settings.teachers))) if settings.teachers else None
        self.register_buffer("class_weights", class_weights, persistent=False)
        if settings.group_weighting:
            if not groups:
                raise UsageError("the crops have no groups of race to weight by")
            self.register_buffer("group_losses", torch.full((groups,), log(len(LABELS))))
        self.history: list[dict[str, float]] = []
        self.seconds = 0.0

    def training_step(self, batch: tuple[Tensor, ...], number: int) -> Tensor:
        if number == 0:  # as the order of the batches: a resumed run equals an uninterrupted one
            torch.manual_seed(self.settings.seed * 10_000 + self.current_epoch)
        crops, plain, shown, labels, ages, groups = batch
        # Several pictures of one face side by side, as channels, are turned and lit alike.
        several = [crops, plain] if len(plain) and self.teacher is not None else [crops]
        seen = self._views(several, shown)
        truth = F.one_hot(labels, len(LABELS)).float()
        share = 1.0
        if self.settings.mixup:
            share = float(Beta(self.settings.mixup, self.settings.mixup).sample())
            seen = [share * views + (1 - share) * views.roll(1, 0) for views in seen]
            truth = share * truth + (1 - share) * truth.roll(1, 0)
        mine = distributed.share()
        truth, ages, others = (rows[mine] for rows in (truth, ages, ages.roll(1, 0)))
        logits, named = self._both(self._resized(seen[0][mine].float()))
        smoothing = self.settings.label_smoothing
        losses = F.cross_entropy(
            logits, truth, self.class_weights, reduction="none", label_smoothing=smoothing
        )
        if self.teacher is not None:
            scores = self.teacher(seen[-1][mine].float())
            taught = F.cross_entropy(logits, scores, reduction="none")
            losses = torch.lerp(losses, taught, self.settings.teacher_weight)
        loss = (losses * self._group_weights(losses, groups[mine])).mean()
        if named is not None:
            aged = [F.cross_entropy(named, a, ignore_index=-1) for a in (ages, others)]
            loss = loss + self.settings.age_weight * torch.lerp(aged[1], aged[0], share)
        self.log(
            "train_loss",
            loss,
            on_step=False,
            on_epoch=True,
            prog_bar=True,
            sync_dist=True,
            batch_size=len(labels),
        )
        return loss

    def _views(self, several: list[Tensor], shown: Tensor) -> list[Tensor]:
        """Augmented views, scaled as the network reads them, of wide crops: of each the same."""
        crops = torch.cat([c.reshape(*shown.shape, -1) for c in several], -1)
        wide = crops.permute(0, 3, 1, 2).float()
        if self.spec.padding == "noise":
            wide = torch.where(shown[:, None], wide, torch.rand_like(wide) * 255)
        views = self.settings.augmentation(wide, self.spec.size)
        return [
            scale(part, self.spec)
            .to(getattr(torch, self.spec.dtype))
            .to(memory_format=torch.channels_last)
            for part in views.chunk(len(several), 1)
        ]

    def _group_weights(self, losses: Tensor, groups: Tensor) -> Tensor:
        """A weight for each face, 1 on average: more for those of groups with a higher loss."""
        if not self.settings.group_weighting:
            return torch.ones_like(losses)
        for group in set(groups.tolist()):
            if group >= 0:
                mean = losses.detach()[groups == group].mean()
                self.group_losses[group].lerp_(mean, GROUP_RATE)
        raised = self.group_losses**self.settings.group_weighting
        weights = torch.where(groups >= 0, (raised / raised.mean())[groups], 1.0)
        return weights / weights.mean()

    def _resized(self, views: Tensor) -> Tensor:
        """The views as the network sees them in this epoch."""
        if self.current_epoch >= round(self.settings.small_share * self.settings.epochs):
            return views
        small = F.interpolate(
            views, scale_factor=self.settings.small_scale, mode="bilinear", antialias=True
        )
        return small.to(memory_format=torch.channels_last)

    def _both(self, views: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits, and scores of the age groups where those are learnt: from the maps that the last
        convolution, the averaging and the flattening turn into logits.
        """
        maps = self.network[:-3](views)
        named = None if self.ages is None else self.ages(maps.mean((2, 3))).float()
        return self.network[-3:](maps).float(), named

    def validation_step(self, batch: tuple[Tensor, ...], number: int) -> None:
        inputs, _, _, labels, _, _ = batch
        views = inputs.to(memory_format=torch.channels_last)
        logits = self.network(self._resized(views)).float()
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
        settings = self.settings
        optimizer = adam(self, settings.weight_decay, settings.learning_rate, settings.muon_rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            [group["lr"] for group in optimizer.param_groups],
            total_steps=int(self.trainer.estimated_stepping_batches),
            pct_start=WARM_UP,
        )
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


def adam(
    module: nn.Module, weight_decay: float, rate: float, muon_rate: float = 0.0
) -> torch.optim.AdamW:
    """The optimiser of what a module learns (Loshchilov and Hutter 2019, arXiv:1711.05101), with
    Muon for the matrices where it has a rate.
    """
    # Normalisation and biases are not decayed: they hold no capacity worth shrinking.
    vectors = [p for p in module.parameters() if p.ndim == 1]
    matrices = [p for p in module.parameters() if p.ndim > 1]
    turned = [p for p in matrices if muon_rate and suits(p)]
    others = [p for p in matrices if not (muon_rate and suits(p))]
    groups: list[dict[str, Any]] = [
        {"params": others, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    if turned:
        groups.append(
            {"params": turned, "weight_decay": weight_decay, "lr": muon_rate, "orthogonal": True}
        )
    return Muon(groups, rate)


def load(run: Path) -> nn.Module:
    """The trained network of a run's folder, ready to answer and closed to training.

    Raises:
        UsageError: the folder holds no finished run, or that of another version of the network.
    """
    if not (run / WEIGHTS).is_file():
        raise UsageError(f"{run} holds no finished run: {WEIGHTS} is not there")
    saved = torch.load(run / WEIGHTS, weights_only=True)
    network: nn.Module = plugins.load("training.models", saved["model"]).create(saved["channels"])
    _fill(network, saved["state"], run)
    return network.eval().requires_grad_(False)


def _fill(network: nn.Module, state: dict[str, Tensor], run: str | Path) -> None:
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise UsageError(
            f"the weights in {run} are of another network, or of an older version of it"
        ) from error


def teacher(runs: Sequence[Path]) -> Callable[[Tensor], Tensor]:
    """The mean score of some runs' networks, as a function: no part of the module that learns."""
    networks = list(map(load, runs))

    def scores(views: Tensor) -> Tensor:
        with torch.no_grad():
            answers = [n.to(views.device)(views).float().softmax(1) for n in networks]
            return torch.stack(answers).mean(0)

    return scores
