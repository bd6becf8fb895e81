"""The Lightning module: a network, its loss and its schedule."""

import json
import sys
from math import log
from pathlib import Path
from time import perf_counter
from typing import Any

import lightning.pytorch as pl
import torch
from msgspec import convert, to_builtins
from torch import Tensor, nn
from torch.distributions import Beta
from torch.nn import functional as F

from genderscope.core import plugins
from genderscope.core.errors import UsageError
from genderscope.core.types import LABELS
from genderscope.imaging.preprocess import PreprocessSpec, scale
from genderscope.training import depthwise, distributed
from genderscope.training.augmentation import augment
from genderscope.training.batches import Batch
from genderscope.training.optimizers import optimizer
from genderscope.training.record import Epoch
from genderscope.training.runs import fill, load, teacher
from genderscope.training.settings import Settings

WARM_UP = 0.1
MIN_STEPS = 11  # of the schedule
GROUP_RATE = 0.02  # of the running mean of a group's loss, per batch


class ClassifierModule(pl.LightningModule):
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
        """``ages`` and ``groups`` are the crops' numbers of age groups and of groups of race and
        label; ``UsageError`` if the settings need groups, a layer or weights that do not exist.
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
        if settings.init_from:
            run = Path(settings.init_from)
            fill(self.network, load(run).state_dict(), run)
        pooling = self.network[-2] if isinstance(network, nn.Sequential) else None
        if settings.age_weight and not isinstance(pooling, nn.AdaptiveAvgPool2d):
            raise UsageError(f"{settings.model} does not end in maps to learn ages from")
        if settings.age_weight and not ages:
            raise UsageError("the crops have no age groups to learn from")
        self.ages = nn.LazyLinear(ages) if settings.age_weight else None
        distributed.join(self.network)
        depthwise.speed_up(self.network)
        if self.ages is not None:
            self.eval()  # keeps the statistics of batch normalisation
            self._outputs(torch.zeros(2, spec.channels, spec.size, spec.size))  # sizes the layer
            self.train()
        self.teacher = teacher(tuple(map(Path, settings.teachers))) if settings.teachers else None
        self.register_buffer("class_weights", class_weights, persistent=False)
        if settings.group_weighting:
            if not groups:
                raise UsageError("the crops have no groups of race to weight by")
            self.register_buffer("group_losses", torch.full((groups,), log(len(LABELS))))
        self.history: list[Epoch] = []
        self.seconds = 0.0

    def training_step(self, batch: Batch, number: int) -> Tensor:
        if number == 0:  # like the order of batches, so that a resumed run equals a whole one
            torch.manual_seed(self.settings.seed * 10_000 + self.current_epoch)
        # A teacher sees the originals under the same random view as the student sees the crops.
        paired = len(batch.originals) and self.teacher is not None
        versions = [batch.crops, batch.originals] if paired else [batch.crops]
        views = self._views(versions, batch.visible)
        targets = F.one_hot(batch.labels, len(LABELS)).float()
        scored = ~batch.scores.isnan()[:, None]
        scores = torch.stack([1 - batch.scores, batch.scores], 1).where(scored, targets)
        share = 1.0
        if self.settings.mixup:
            share = float(Beta(self.settings.mixup, self.settings.mixup).sample())
            views = [share * view + (1 - share) * view.roll(1, 0) for view in views]
            targets, scores = (share * p + (1 - share) * p.roll(1, 0) for p in (targets, scores))
        rows = distributed.share()
        logits, age_logits = self._outputs(self._resized(views[0][rows].float()))
        losses = F.cross_entropy(
            logits,
            targets[rows],
            self.class_weights,
            reduction="none",
            label_smoothing=self.settings.label_smoothing,
        )
        if self.teacher is not None or self.settings.teacher_scores:
            teacher = self.teacher(views[-1][rows].float()) if self.teacher else scores[rows]
            distillation = F.cross_entropy(logits, teacher, reduction="none")
            losses = torch.lerp(losses, distillation, self.settings.teacher_weight)
        loss = (losses * self.group_weights(losses, batch.groups[rows])).mean()
        if age_logits is not None:
            own, mixed = (
                F.cross_entropy(age_logits, ages[rows], ignore_index=-1)
                for ages in (batch.ages, batch.ages.roll(1, 0))
            )
            loss = loss + self.settings.age_weight * torch.lerp(mixed, own, share)
        self.log(
            "train_loss",
            loss,
            on_step=False,
            on_epoch=True,
            prog_bar=True,
            sync_dist=True,
            batch_size=len(batch.labels),
        )
        return loss

    def _views(self, versions: list[Tensor], visible: Tensor) -> list[Tensor]:
        """The same random view of each version of a face, scaled for the network."""
        # As channels of one tensor, they are moved and lit alike.
        crops = torch.cat([crops.reshape(*visible.shape, -1) for crops in versions], -1)
        wide = crops.permute(0, 3, 1, 2).float()
        if self.spec.padding == "noise":
            wide = torch.where(visible[:, None], wide, torch.rand_like(wide) * 255)
        views = augment(wide, self.spec.size, self.settings.augmentation)
        return [
            scale(part, self.spec)
            .to(getattr(torch, self.spec.dtype))
            .to(memory_format=torch.channels_last)
            for part in views.chunk(len(versions), 1)
        ]

    def group_weights(self, losses: Tensor, groups: Tensor) -> Tensor:
        """(n,) weights, 1 on average and higher for groups with a higher running loss."""
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
        """The views at this epoch's size."""
        if self.current_epoch >= round(self.settings.small_share * self.settings.epochs):
            return views
        scale_factor = self.settings.small_scale
        small = F.interpolate(views, None, scale_factor, "bilinear", antialias=True)
        return small.to(memory_format=torch.channels_last)

    def _outputs(self, views: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits of labels and, if learnt, of ages, both from the last convolution's input."""
        if self.ages is None:
            return self.network(views).float(), None  # it may be any module
        maps = self.network[:-3](views)
        return self.network[-3:](maps).float(), self.ages(maps.mean((2, 3))).float()

    def validation_step(self, batch: Batch, number: int) -> None:
        views = batch.crops.to(memory_format=torch.channels_last)
        logits = self.network(self._resized(views)).float()
        correct = (logits.argmax(1) == batch.labels).float()
        self.log("accuracy", correct.mean(), prog_bar=True, batch_size=len(correct))
        self.log("loss", F.cross_entropy(logits, batch.labels), batch_size=len(correct))

    def on_train_epoch_start(self) -> None:
        self._began = perf_counter()

    def on_train_epoch_end(self) -> None:
        self.seconds += perf_counter() - self._began
        names = ("train_loss", "loss", "accuracy")
        values = {name: round(float(self.trainer.callback_metrics[name]), 5) for name in names}
        self.history.append(Epoch(epoch=self.current_epoch, **values))
        if not sys.stderr.isatty():
            self.print(json.dumps({"epoch": self.current_epoch} | values), file=sys.stderr)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:  # Lightning's own type
        checkpoint["settings"] = to_builtins(self.settings)
        checkpoint["history"] = to_builtins(self.history)
        checkpoint["seconds"] = self.seconds

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:  # Lightning's own type
        self.history = convert(checkpoint["history"], list[Epoch])
        self.seconds = checkpoint["seconds"]

    def configure_optimizers(self) -> Any:
        settings = self.settings
        chosen = optimizer(self, settings.weight_decay, settings.learning_rate, settings.muon_rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            chosen,
            [group["lr"] for group in chosen.param_groups],
            # With ten steps, the warm-up would be one step, and OneCycleLR would divide by zero.
            total_steps=max(int(self.trainer.estimated_stepping_batches), MIN_STEPS),
            pct_start=WARM_UP,
        )
        return [chosen], [{"scheduler": schedule, "interval": "step"}]
