"""Explanations without torch: the graphs that compute them equal Captum."""

from dataclasses import asdict

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra [lab]")
onnx = pytest.importorskip("onnx", reason="needs the extra [lab]")
attr = pytest.importorskip("captum.attr", reason="needs the extra [lab]")

from torch import nn  # noqa: E402

from genderscope import detection  # noqa: E402
from genderscope.core import plugins  # noqa: E402
from genderscope.core.errors import ModelError  # noqa: E402
from genderscope.imaging import decode  # noqa: E402
from genderscope.imaging.preprocess import PRESETS, PreprocessSpec, crop, to_input  # noqa: E402
from genderscope.inference import classifier  # noqa: E402
from genderscope.inference.explainer import Explainer  # noqa: E402
from genderscope.training import guided_export  # noqa: E402
from genderscope.training.captum import explain  # noqa: E402
from genderscope.training.export import export  # noqa: E402
from genderscope.training.guided_graph import METHODS, with_gradients  # noqa: E402

torch.set_num_threads(1)

METADATA = {"name": "x", "temperature": 2.0, "bias": 0.3, "abstention": {"min_confidence": 0.5}}
ALIGNED = PRESETS["aligned"]


def used(network: nn.Module) -> nn.Module:
    """A network as if trained: its normalisation does something."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.2, 0.2)
            layer.running_var.uniform_(0.3, 1)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.bias, -0.3, 0.3)
    *_, last = (layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    last.weight.data[0] += 0.05  # so that Grad-CAM finds maps that speak for a class
    return network.eval().requires_grad_(False)


class Beside(nn.Module):
    """Two branches and the input itself, summed."""

    def __init__(self, one: nn.Module, other: nn.Module) -> None:
        super().__init__()
        self.one, self.other = one, other

    def forward(self, maps):
        return self.one(maps) + self.other(maps) + maps


def medley(channels: int = 1) -> nn.Module:
    """Every kind of layer and setting that the reverse pass knows."""
    return nn.Sequential(
        nn.Conv2d(channels, 8, 5, 3, padding=2),
        nn.ReLU(inplace=True),
        nn.BatchNorm2d(8),  # after the activation, where no convolution can take it in
        nn.MaxPool2d(3, 1, padding=1),
        Beside(
            nn.Sequential(nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=2), nn.ReLU()),
            nn.Sequential(nn.Conv2d(8, 8, (1, 3), padding=(0, 1), bias=False), nn.BatchNorm2d(8)),
        ),
        nn.MaxPool2d(2, 2),
        nn.Conv2d(8, 8, 3, 1, groups=8),
        nn.Conv2d(8, 12, 2, 1, padding=1),
        nn.ReLU(),
        nn.Identity(),
        nn.Conv2d(12, 8, 3, 2, groups=4, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 6, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 5),
        nn.ReLU(),
        nn.Linear(5, 2),
    )


@pytest.fixture(scope="module")
def crops(portrait):
    """A face from eight places and in eight kinds of light."""
    image = decode.read(portrait)
    [face] = detection.create("haar")(image)
    views = [
        crop(np.roll(image, (4 * number, -3 * number), (0, 1)), face, ALIGNED)
        for number in range(8)
    ]
    gains = np.linspace(0.4, 1, 8)
    return np.stack([view * gain for view, gain in zip(views, gains, strict=True)]).astype(np.uint8)


@pytest.fixture(scope="module")
def exported(crops, tmp_path_factory):
    """A network by its name, and the model that was exported from it."""
    folder, made = tmp_path_factory.mktemp("exported"), {}

    def get(name):
        if name not in made:
            torch.manual_seed(3)
            create = medley if name == "medley" else plugins.load("training.models", name).create
            network = used(create(ALIGNED.channels))
            export(network, ALIGNED, crops, METADATA, folder / f"{name}.onnx")
            made[name] = network, folder / f"{name}.onnx"
        return made[name]

    return get


# Without the naive network, whose five million weights take their time and whose layers medley has.
NETWORKS = [*(name for name in plugins.names("training.models") if name != "naive_cnn"), "medley"]


def inputs_of(crops):
    return torch.from_numpy(to_input(crops, ALIGNED)).float()


def graph(file, method, folder):
    out = folder / "explained.onnx"
    onnx.save(with_gradients(onnx.load(file), method), out)
    return Explainer.open(out)


def assert_same(maps, expected):
    """To 1e-4 of each map's largest magnitude, but where rounding decides on a ReLU's side."""
    maps, expected = np.asarray(maps), expected.detach().numpy()[:, 0]
    largest = abs(expected).max((1, 2))
    assert (largest > 0).any()
    apart = abs(maps - expected).max((1, 2))
    assert (apart <= 1e-4 * largest).mean() >= guided_export.SAME
    assert (apart <= 0.1 * largest).all()


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("name", NETWORKS)
def test_guided_gradients_are_captums(exported, crops, name, label):
    network, file = exported(name)
    explainer, inputs = Explainer.load(file), inputs_of(crops)
    with pytest.warns(UserWarning, match="hooks"):
        expected = attr.GuidedBackprop(network).attribute(inputs.requires_grad_(), target=label)
    classes = torch.full((8,), label)
    for _ in range(2):
        assert_same(explain("guided", network, inputs, classes)[:, 0], expected)
        assert_same(explainer(crops, classes.numpy())[1], expected)


@pytest.mark.parametrize("method", ["saliency", "grad-cam"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_other_methods_run_without_torch_too(exported, crops, tmp_path, name, method):
    network, file = exported(name)
    classes = np.arange(8) % 2
    _, maps = graph(file, method, tmp_path)(crops, classes)
    assert_same(maps, explain(method, network, inputs_of(crops), torch.from_numpy(classes)))


@pytest.mark.parametrize("pooling", [(3, 2, 1), (2, 2, 0), (3, 1, 1), (3, 2, 0), (5, 4, 2)])
def test_of_equal_maxima_the_first_has_the_gradient(pooling, tmp_path):
    """Whole numbers, so that maxima are equal exactly, in windows that overlap or do not."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.MaxPool2d(*pooling), nn.Conv2d(4, 2, 3)
    )
    network.append(nn.AdaptiveAvgPool2d(1)).append(nn.Flatten())
    for layer in (network[0], network[2]):
        layer.weight.data = torch.randint(-1, 2, layer.weight.shape).float()
    faces = np.random.default_rng(0).integers(0, 3, (6, 16, 16), np.uint8)
    faces[:2] = 0
    faces[2:4] //= 2
    spec = PreprocessSpec("whole numbers", 16, scaling="std", dtype="float32")
    # A deviation below 1 is taken as 1, so that these pass through the scaling as they are.
    assert set(np.unique(to_input(faces, spec))) <= {0, 1, 2}
    export(network.eval(), spec, faces, METADATA, tmp_path / "x.onnx")
    _, maps = Explainer.load(tmp_path / "x.onnx")(faces, np.zeros(6, np.int64))
    inputs = torch.from_numpy(to_input(faces, spec))
    expected = explain("guided", network, inputs, torch.zeros(6, dtype=torch.int64))
    np.testing.assert_allclose(maps, expected[:, 0], atol=1e-6)


@pytest.mark.parametrize("preset", PRESETS)
def test_colour_and_sixteen_bits(crops, tmp_path, preset):
    spec = PreprocessSpec(**{**asdict(PRESETS[preset]), "colour": "bgr", "size": 64})
    coloured = np.stack([crops, crops[:, ::-1], 255 - crops], -1)
    torch.manual_seed(0)
    export(used(medley(3)), spec, coloured, METADATA, tmp_path / "x.onnx")
    _, maps = Explainer.load(tmp_path / "x.onnx")(coloured)
    assert maps.shape == coloured.shape
    _, activation = graph(tmp_path / "x.onnx", "grad-cam", tmp_path)(coloured)
    assert activation.shape == crops.shape


def test_a_graph_that_is_not_captums_is_not_kept(exported, crops, tmp_path, monkeypatch):
    network, _ = exported("medley")
    monkeypatch.setattr(guided_export, "PARITY", -1.0)
    with pytest.raises(ModelError, match=r"only 0.0% of 16 guided gradients equal Captum's"):
        export(network, ALIGNED, crops, METADATA, tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


def test_an_exported_file_is_given_its_graph_without_its_network(exported, crops, tmp_path):
    _, file = exported("medley")
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(file.read_bytes())
    written = guided_export.write(copy)
    assert written == tmp_path / "copy.guided.onnx"
    np.testing.assert_array_equal(Explainer.load(copy)(crops)[1], Explainer.load(file)(crops)[1])
    with pytest.raises(ModelError, match="is a guided graph itself"):
        guided_export.write(written)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.guided.onnx", "copy.onnx"]


@pytest.mark.parametrize("name", classifier.shipped())
def test_the_shipped_graphs_are_those_of_the_shipped_models(name, tmp_path):
    file = tmp_path / "model.onnx"
    file.write_bytes((classifier.WEIGHTS / f"{name}.onnx").read_bytes())
    guided_export.write(file)
    mine, shipped = Explainer.load(file), Explainer.load(name)
    shape = (8, *shipped.spec.crop_shape)
    crops = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.testing.assert_array_equal(mine(crops)[1], shipped(crops)[1])
    assert mine.metadata == shipped.metadata


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (nn.Sigmoid(), "no gradient rule for Sigmoid"),
        (nn.MaxPool2d(3, 3), "whose stride divides the map"),
        (nn.MaxPool2d(3, 1, dilation=2), "without dilation"),
        (nn.MaxPool2d(1, 2), "whose windows leave nothing out"),
    ],
)
def test_a_layer_without_a_rule_is_named(layer, says, crops, tmp_path):
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), layer)
    network.append(nn.AdaptiveAvgPool2d(1)).append(nn.Flatten())
    with pytest.raises(ModelError, match=says):
        export(network, ALIGNED, crops, METADATA, tmp_path / "x.onnx")


def test_methods_differ(exported, crops, tmp_path):
    _, file = exported("medley")
    maps = [graph(file, method, tmp_path)(crops)[1] for method in METHODS]
    for one, other in zip(maps, maps[1:] + maps[:1], strict=True):
        assert abs(one - other).max() > 0.01 * abs(one).max()
