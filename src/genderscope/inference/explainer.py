"""Which pixels a network's scores depend on: guided gradients, in ONNX Runtime.

``<model>.guided.onnx``, written by ``export``, computes scores and maps in one run.
"""

from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from genderscope.core import sessions
from genderscope.core.errors import ModelError, UsageError
from genderscope.core.types import LABELS, Floats, Image
from genderscope.inference import metadata
from genderscope.inference.classifier import GUIDED, INT8, WEIGHTS, Model, find

Maps = npt.NDArray[np.float32]
EITHER = -1  # instead of a class: the one with the higher calibrated score
SATURATED = 0.005  # share of a map's values that its picture clips to black or white


def guided_file(model: Path) -> Path:
    """The file of a model's guided graph, beside the model's."""
    return model if model.name.endswith(GUIDED) else model.with_suffix(GUIDED)


class Explainer(Model):
    """A model that also explains its scores; see ``load``."""

    at_once = 4  # it keeps the feature maps of both passes
    explains = True

    @classmethod
    def load(cls, model: str | Path, threads: int = 0) -> Self:
        """Open the guided graph of a shipped model by name, or of any model by path; ``ModelError``
        if the model or its graph is absent or cannot be opened, or they do not match.
        """
        file = find(model)
        if file.name.endswith(INT8):
            name = file.name.removesuffix(INT8)
            raise ModelError(f"a quantised model has no gradients: explain {name} instead")
        if not (guided := guided_file(file)).is_file():
            raise ModelError(
                f"{file} has no guided graph beside it: 'genderscope export {file}' writes one"
            )
        explainer = cls.open(guided, threads)
        if file != guided and file.parent != WEIGHTS:  # the shipped pairs are tested
            own = metadata.read(sessions.create(file, 1, trial=True), file)
            if replace(own, explains=explainer.metadata.explains) != explainer.metadata:
                raise ModelError(
                    f"{guided} does not match {file}: 'genderscope export {file}' writes a new one"
                )
        return explainer

    def __call__(
        self, crops: Image, classes: npt.NDArray[np.int64] | None = None
    ) -> tuple[Floats, Maps]:
        """Calibrated probabilities, (n, 2) in the order of ``LABELS``, and the guided gradients of
        the classes' logits with respect to the network's input, in the shape of the crops.

        The crops from ``preprocess.crop`` are (n, size, size) uint8 grey or (n, size, size, 3) BGR.
        The classes to explain, (n,), index ``LABELS``; -1, the default, is the one with the higher
        score. ``UsageError`` unless there is one valid class per crop.
        """
        chosen = np.full(len(crops), EITHER) if classes is None else np.asarray(classes, np.int64)
        if chosen.shape != (len(crops),) or ((chosen < EITHER) | (chosen >= len(LABELS))).any():
            raise UsageError(
                f"{len(crops)} crops need as many classes, each {EITHER} (that of the higher "
                f"score), 0 ({LABELS[0]}) or 1 ({LABELS[1]}), not {chosen.tolist()}"
            )
        logits, maps = self.first_look(crops, chosen)
        if len(again := self._again(logits)):
            first = logits[again], maps[again]
            logits[again], maps[again] = self._second_look(crops[again], chosen[again], *first)
        maps = maps[:, 0] if maps.shape[1] == 1 else maps.transpose(0, 2, 3, 1)
        return self._scores(logits), maps

    def first_look(self, crops: Image, classes: npt.NDArray[np.int64]) -> tuple[Floats, Maps]:
        """The graph's logits, (n, 2), and maps, (n, channels, size, size)."""
        logits, maps = self._run(["logits", "maps"], crops, classes=classes)
        return logits.astype(np.float64), maps

    def _second_look(
        self, crops: Image, classes: npt.NDArray[np.int64], logits: Floats, maps: Maps
    ) -> tuple[Floats, Maps]:
        """Mean logits and maps of the first look, given, and of the others, for one class."""
        views = [look.of(crops) for look in self.looks]
        found = [(logits, maps), *(self.first_look(view, classes) for view in views[1:])]
        mean = np.mean([own for own, _ in found], 0)
        label = self._scores(mean).argmax(1)
        upright = []
        for look, view, (own, of_view) in zip(self.looks, views, found, strict=True):
            wrong = (classes == EITHER) & (self._scores(own).argmax(1) != label)
            if wrong.any():
                of_view[wrong] = self.first_look(view[wrong], label[wrong])[1]
            upright.append(look.undone(of_view))
        return mean, np.mean(upright, 0)

    @staticmethod
    def picture(one: Maps) -> Image:
        """A map (size, size[, 3]), summed over channels, as a grey picture (size, size) uint8.

        Mid-grey is zero, light positive and dark negative. Each map is scaled by its own maximum,
        so the strengths of two pictures are not comparable.
        """
        flat = one.sum(-1) if one.ndim == 3 else one
        largest = max(np.quantile(abs(flat), 1 - SATURATED), np.finfo(np.float32).tiny)
        shades: Image = (127.5 + 127.5 * (flat / largest).clip(-1, 1)).round().astype(np.uint8)
        return shades
