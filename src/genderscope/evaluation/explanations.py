"""Saliency maps of the faces of a picture: the pixels that a model's answer depends on."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from genderscope.core.protocols import Detector
from genderscope.core.terminal import percent
from genderscope.core.types import LABELS, Floats, Frame, Image, Result
from genderscope.evaluation import regions
from genderscope.imaging import panels
from genderscope.inference.explainer import EITHER, Explainer, Maps
from genderscope.inference.locate import locate
from genderscope.inference.pipeline import Rule


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """One face in colour, (side, side, 3) uint8 BGR, its prediction, the saliency map, (size,
    size[, channels]) float32, of the class ``label``, an index into ``LABELS``, and the shares of
    its energy in each of ``regions.REGIONS``, (7,).
    """

    result: Result
    face: Image
    label: int
    map: Maps
    shares: Floats

    def __repr__(self) -> str:
        parts = zip(regions.REGIONS, self.shares, strict=True)
        energy = ", ".join(f"{region} {share:.0%}" for region, share in parts)
        return f"<Explanation of {LABELS[self.label]}: energy in {energy}; {self.result}>"

    def _repr_png_(self) -> bytes:
        return cv2.imencode(".png", self.panel("guided"))[1].tobytes()

    def panel(self, name: str) -> Image:
        """A picture with a caption that begins with ``name``: see ``panels.panel``."""
        prediction = self.result.prediction
        answer = f"{prediction.label} {percent(prediction.confidence)}"
        caption = f"{name}: {answer}, explained: {LABELS[self.label]}"
        energy = regions.energy(self.map[None])[0]
        return panels.panel(self.face, Explainer.picture(self.map), energy, caption)


def explain(
    image: Image,
    detector: Detector,
    explainer: Explainer,
    label: int = EITHER,
    rule: Rule | None = None,
) -> list[Explanation]:
    """Explain every face of a picture, (height, width, 3) uint8 BGR, in the detector's order. The
    explained class is ``label``, an index into ``LABELS``, by default the one with the higher
    score; the default ``rule`` is the model's own.
    """
    rule = rule or Rule(explainer.min_confidence)
    spec = explainer.spec
    located = locate(Frame("", image), detector, spec)
    if not located.faces:
        return []
    crops = np.stack(located.crops)
    scores, maps = explainer(crops, np.full(len(crops), label))
    landmarks = np.stack([regions.landmarks(face, spec) for face in located.faces])
    tile, shares = replace(spec, size=panels.TILE_PX, colour="bgr"), regions.shares(maps, landmarks)
    rows = zip(located.faces, located.recrop(tile), scores.tolist(), maps, shares, strict=True)
    return [
        Explanation(
            rule.result(face, (woman, man)),
            tile_crop,
            int(man > woman) if label == EITHER else label,
            saliency,
            share,
        )
        for face, tile_crop, (woman, man), saliency, share in rows
    ]
