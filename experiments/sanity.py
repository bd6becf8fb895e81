"""The sanity test of the explanations of trained networks (Adebayo et al. 2018, arXiv:1810.03292):

    python scripts/sanity.py RUN... --cache CROPS [--out results/explanations/sanity.json]

RUN is a folder that ``genderscope train`` wrote, CROPS those that it was trained on. The faces are
the first of the part that it was validated on. Also says how far the guided graph of each run's
model is from Captum. About a minute for each network. With --picture FILE, also draws the maps of
the package's own portrait along the cascade of the first run.
"""

import argparse
import json
import platform
import shlex
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from genderscope.training.task import load

import genderscope
from genderscope import detection
from genderscope.core import plugins
from genderscope.core.types import LABELS, Image
from genderscope.data.prepare.crops import Crops
from genderscope.imaging import decode, panels
from genderscope.imaging.preprocess import crop, to_input
from genderscope.inference.explainer import Explainer
from genderscope.sinks import annotate
from genderscope.training import guide, sanity
from genderscope.training.batches import split

FACES_COMPARED = 1000


def held(run: Path, crops: Crops, faces: int) -> Image:
    """The first faces of the part that a run was validated on."""
    settings = json.loads((run / "record.json").read_text())["settings"]
    _, kept = split(crops, settings["validation_ratio"], settings["seed"])
    return crops.exact(kept[:faces])


def inputs_of(run: Path, crops: Crops, faces: int) -> torch.Tensor:
    return torch.from_numpy(to_input(held(run, crops, faces), crops.spec)).float()


def examine(run: Path, crops: Crops, faces: int, seeds: range) -> dict[str, object]:
    network, inputs = load(run), inputs_of(run, crops, faces)
    classes = network(inputs).argmax(1)
    return {
        "model": json.loads((run / "record.json").read_text())["settings"]["model"],
        "captum": captum(run, crops),
        "n": len(inputs),
        "seeds": list(seeds),
        "methods": {
            method: sanity.examine(network, inputs, classes, method, seeds)
            for method in sanity.METHODS
        },
    }


def captum(run: Path, crops: Crops) -> dict[str, object]:
    """How far the guided graph of a run's model is from Captum on the run's network, and how far
    Captum in 32 bits is from Captum in 64.
    """
    [model] = (file for file in run.glob("*.onnx") if "." not in file.stem)
    network, precise = load(run), load(run).double()
    with TemporaryDirectory() as folder:
        copy = Path(shutil.copy(model, folder))
        guide.write(copy)
        faces = held(run, crops, FACES_COMPARED)
        apart = guide.differences(Explainer.load(copy), network, faces)
    inputs = inputs_of(run, crops, FACES_COMPARED)
    own = [
        guide.apart(
            guide.captum(network, inputs, label),
            guide.captum(precise, inputs.detach().double(), label),
        )
        for label in range(len(LABELS))
    ]
    return {
        "maps": apart.size,
        "tolerance": guide.PARITY,
        "within": int((apart <= guide.PARITY).sum()),
        "median": float(np.median(apart)),
        "largest": float(apart.max()),
        "captums_within": int((np.stack(own) <= guide.PARITY).sum()),
    }


def draw(run: Path, crops: Crops, file: Path) -> None:
    """Each method's maps of the package's own portrait: trained, and at steps of the cascade."""
    picture = decode.read(
        Path(genderscope.__file__).parent / "imaging" / "samples" / "astronaut.jpg"
    )
    [face] = detection.create("haar")(picture)
    portrait = to_input(crop(picture, face, crops.spec)[None], crops.spec)
    network = load(run)
    inputs = torch.cat([torch.from_numpy(portrait).float(), inputs_of(run, crops, 63)])
    classes = network(inputs).argmax(1)
    cascade = [("trained", network), *sanity.randomised(network, inputs, 0)]
    steps = np.linspace(0, len(cascade) - 1, 5).round().astype(int)
    rows = []
    for method in sanity.METHODS:
        explain = plugins.load("training.explainers", method).explain
        maps = [explain(cascade[step][1], inputs, classes)[0, 0].numpy() for step in steps]
        tiles = [np.repeat(panels.tile(Explainer.picture(one))[..., None], 3, 2) for one in maps]
        parts = ", ".join(f"{step} of {len(cascade) - 1}" for step in steps[1:])
        rows.append(panels.row(tiles, f"{method}: trained; parts with random weights: {parts}"))
    annotate.save(np.vstack(rows).astype(np.uint8), file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("results/explanations/sanity.json"))
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--faces", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    crops = Crops(given.cache)
    report = {
        "networks": [examine(run, crops, given.faces, range(given.seeds)) for run in given.runs],
        "faces": "the first of the validation part of the training set",
        "explained": "the class with the higher logit of the trained network",
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("torch", "numpy", "scipy")},
        "command": shlex.join(["python", "scripts/sanity.py", *sys.argv[1:]]),
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(report, indent=1) + "\n")
    if given.picture:
        given.picture.parent.mkdir(parents=True, exist_ok=True)
        draw(given.runs[0], crops, given.picture)


if __name__ == "__main__":
    main()
