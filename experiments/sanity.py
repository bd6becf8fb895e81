"""The sanity test of the explanations of trained networks (Adebayo et al. 2018, arXiv:1810.03292):

    python -m experiments.sanity RUN... --cache CROPS [--out results/explanations/sanity.json]

RUN is a folder that ``genderscope train`` wrote, CROPS its training crops. The faces are the first
of its validation part. Also compares the guided graph of each run's model with Captum. Takes about
a minute per network. With --picture FILE, also draws the maps of the package's portrait along the
cascade of the first run.
"""

import argparse
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import PIL.Image
import torch

from experiments import cascade
from experiments.results import CaptumComparison, NetworkSanity, Sanity
from genderscope import detection
from genderscope.core.results import Provenance, command_of, versions
from genderscope.core.types import LABELS, Image
from genderscope.data.prepare.crops import Crops
from genderscope.imaging import decode, panels
from genderscope.imaging.preprocess import crop, to_input
from genderscope.inference.explainer import Explainer
from genderscope.training import guided_export
from genderscope.training.batches import split
from genderscope.training.captum import explain
from genderscope.training.record import TrainingRecord
from genderscope.training.runs import RECORD, load

FACES_COMPARED = 1000


def held_out(run: Path, crops: Crops, faces: int) -> Image:
    """The first faces of the validation part of a run."""
    settings = TrainingRecord.load(run / RECORD).settings
    _, validation = split(crops, settings.validation_ratio, settings.seed)
    return crops.exact(validation[:faces])


def inputs_of(run: Path, crops: Crops, faces: int) -> torch.Tensor:
    return torch.from_numpy(to_input(held_out(run, crops, faces), crops.spec)).float()


def examine(run: Path, crops: Crops, faces: int, seeds: range) -> NetworkSanity:
    network, inputs = load(run), inputs_of(run, crops, faces)
    classes = network(inputs).argmax(1)
    return NetworkSanity(
        model=TrainingRecord.load(run / RECORD).settings.model,
        captum=compare_captum(run, crops),
        n=len(inputs),
        seeds=tuple(seeds),
        methods={
            name: cascade.examine(network, inputs, classes, method, seeds)
            for name, method in cascade.METHODS.items()
        },
    )


def compare_captum(run: Path, crops: Crops) -> CaptumComparison:
    """The guided graph of a run's model compared with Captum, and Captum in 32 bits compared with
    Captum in 64.
    """
    [model] = (file for file in run.glob("*.onnx") if "." not in file.stem)
    network, precise = load(run), load(run).double()
    with TemporaryDirectory() as folder:
        copy = Path(shutil.copy(model, folder))
        guided_export.write(copy)
        faces = held_out(run, crops, FACES_COMPARED)
        differences = guided_export.differences(Explainer.load(copy), network, faces)
    inputs = inputs_of(run, crops, FACES_COMPARED)
    captums = []
    for label in range(len(LABELS)):
        classes = torch.full((len(inputs),), label)
        maps = explain("guided", network, inputs, classes).numpy()
        expected = explain("guided", precise, inputs.double(), classes).numpy()
        captums.append(guided_export.difference(maps, expected))
    return CaptumComparison(
        maps=differences.size,
        tolerance=guided_export.PARITY,
        within=int((differences <= guided_export.PARITY).sum()),
        median=float(np.median(differences)),
        largest=float(differences.max()),
        captums_within=int((np.stack(captums) <= guided_export.PARITY).sum()),
    )


def draw(run: Path, crops: Crops, file: Path) -> None:
    """Draw each method's maps of the package's portrait: trained, and at steps of the cascade."""
    picture = decode.read(decode.PORTRAIT)
    [face] = detection.create("haar")(picture)
    portrait = to_input(crop(picture, face, crops.spec)[None], crops.spec)
    network = load(run)
    inputs = torch.cat([torch.from_numpy(portrait).float(), inputs_of(run, crops, 63)])
    classes = network(inputs).argmax(1)
    networks = [network, *(random for _, random in cascade.randomised(network, inputs, 0))]
    steps = np.linspace(0, len(networks) - 1, 5).round().astype(int)
    rows = []
    for name, method in cascade.METHODS.items():
        maps = [explain(method, networks[step], inputs, classes)[0, 0].numpy() for step in steps]
        tiles = [np.repeat(panels.tile(Explainer.picture(map_))[..., None], 3, 2) for map_ in maps]
        parts = ", ".join(f"{step} of {len(networks) - 1}" for step in steps[1:])
        rows.append(panels.row(tiles, f"{name}: trained; parts with random weights: {parts}"))
    sheet = np.vstack(rows).astype(np.uint8)
    PIL.Image.fromarray(sheet[..., ::-1]).save(file, quality=75, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("results/explanations/sanity.json"))
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--faces", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    crops = Crops(arguments.cache)
    seeds = range(arguments.seeds)
    Sanity(
        provenance=Provenance(
            command=command_of("experiments.sanity"),
            versions=versions(("torch", "numpy", "scipy")),
            fingerprint=crops.manifest.fingerprint,
        ),
        networks=tuple(examine(run, crops, arguments.faces, seeds) for run in arguments.runs),
        faces="the first of the validation part of the training set",
        explained="the class with the higher logit of the trained network",
    ).save(arguments.out, overwrite=True)
    if arguments.picture:
        arguments.picture.parent.mkdir(parents=True, exist_ok=True)
        draw(arguments.runs[0], crops, arguments.picture)


if __name__ == "__main__":
    main()
