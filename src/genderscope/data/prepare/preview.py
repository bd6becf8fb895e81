"""The preview of a recipe: a row for each sample, a column for each preprocessing step."""

from collections.abc import Iterable
from dataclasses import replace
from heapq import nlargest
from pathlib import Path
from random import Random

import cv2
import numpy as np

from genderscope.core.errors import PictureError
from genderscope.core.types import LABELS, Face, Image, Sample
from genderscope.data.prepare.shards import Recipe
from genderscope.imaging.contact_sheet import Tile, contact_sheet, fitted
from genderscope.imaging.preprocess import PreprocessSpec, cut, to_input, window
from genderscope.inference.locate import Source
from genderscope.sinks import annotate

TILE_PX = 192
SAMPLES = 8
BOX, WINDOW = (0, 159, 230), (233, 180, 86)  # BGR, of the palette of Okabe and Ito
SOURCES = {
    Source.DETECTOR: "detected box",
    Source.BOX: "the data set's box",
    Source.WHOLE: "whole picture",
}


def save(samples: Iterable[Sample], recipe: Recipe, file: Path) -> None:
    """Write the preview of random samples as a PNG."""
    draw = Random(0)
    chosen = nlargest(SAMPLES, samples, key=lambda _: draw.random())
    annotate.save(sheet(chosen, recipe), file)


def sheet(samples: Iterable[Sample], recipe: Recipe) -> Image:
    """The steps for each sample, or why it cannot be cut: the picture with the face's box (orange)
    and the crop's window (blue), the crop, the padded square, grey or colour, and the scaled input.
    """
    rows = [_row(sample, recipe) for sample in samples]
    spec = recipe.spec
    heads = (
        f"picture, margin {spec.margin_ratio:.0%}",
        "crop",
        f"square with {spec.padding}",
        "grey" if spec.colour == "grey" else "colour",
        f"scaled by {spec.scaling}",
    )
    return contact_sheet(rows, heads=heads)


def _row(sample: Sample, recipe: Recipe) -> list[Tile]:
    spec = recipe.spec
    try:
        image, face, source = recipe.locate(sample)
        image = recipe.apply(image, face, sample)
        coloured, visible = cut(image, face, replace(spec, colour="bgr"))
        exact, _ = cut(image, face, spec)
    except PictureError as error:
        return [Tile(None, str(error))]
    inputs = to_input(exact[None], spec)[0].astype(np.float32)
    lowest, highest = float(inputs.min()), float(inputs.max())
    stretched = (inputs - lowest) / max(highest - lowest, 1e-6) * 255
    label = "no label" if sample.label is None else LABELS[sample.label]
    shown = np.where(visible[..., None], coloured, np.uint8(255))
    scaled = stretched.transpose(1, 2, 0).squeeze().astype(np.uint8)
    steps = [
        (_picture(image, face, spec), f"{label}, {SOURCES[source]}"),
        (shown, f"{visible.mean():.0%} of the square"),
        (coloured, f"{spec.size} x {spec.size} pixels"),
        (exact, f"mean {exact.mean():.0f}, deviation {exact.std():.0f}"),
        (scaled, f"{lowest:.2f} to {highest:.2f}"),
    ]
    return [Tile(fitted(tile, TILE_PX, cv2.INTER_NEAREST), caption) for tile, caption in steps]


def _picture(image: Image, face: Face, spec: PreprocessSpec) -> Image:
    """The picture around the face, with the face's box and the window."""
    a, b = window(face, spec)
    corners = np.array([-0.5 - 0.5j, 0.5 - 0.5j, 0.5 + 0.5j, -0.5 + 0.5j])
    frame = a * corners + b
    # The whole window, and the picture within twice the window's side of the face.
    reach = 2 * abs(a)
    left, top = (int(min(max(v.mean() - reach, 0), v.min())) - 2 for v in (frame.real, frame.imag))
    right, bottom = (
        int(max(min(v.mean() + reach, end), v.max())) + 3
        for v, end in ((frame.real, image.shape[1]), (frame.imag, image.shape[0]))
    )
    part = np.full((bottom - top, right - left, 3), 255, np.uint8)
    visible = image[max(top, 0) : bottom, max(left, 0) : right]
    part[max(-top, 0) :, max(-left, 0) :][: visible.shape[0], : visible.shape[1]] = visible
    zoom = TILE_PX / max(part.shape[:2])
    drawn = fitted(part, TILE_PX, cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC)
    box = face.box
    edges = complex(*box.centre) + corners.real * box.width + 1j * corners.imag * box.height
    for outline, colour in ((edges, BOX), (frame, WINDOW)):
        vertices = (outline - complex(left, top)) * zoom
        points = np.stack([vertices.real, vertices.imag], 1).round().astype(np.int32)
        cv2.polylines(drawn, [points], True, colour, 2)
    return drawn
