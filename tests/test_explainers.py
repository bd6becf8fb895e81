"""Explanations in torch, the graphs that compute them without it, and their sanity test."""

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
from genderscope.training import guide, sanity  # noqa: E402
from genderscope.training.explainers import grad_cam, guided_backprop, saliency  # noqa: E402
from genderscope.training.export import export  # noqa: E402
from genderscope.training.reverse import METHODS, explained  # noqa: E402

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
    onnx.save(explained(onnx.load(file), method), out)
    return Explainer.open(out)


def assert_same(maps, expected):
    """To 1e-4 of each map's largest magnitude, but where rounding decides on a ReLU's side."""
    maps, expected = np.asarray(maps), expected.detach().numpy()[:, 0]
    largest = abs(expected).max((1, 2))
    assert (largest > 0).any()
    apart = abs(maps - expected).max((1, 2))
    assert (apart <= 1e-4 * largest).mean() >= guide.SAME
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
        assert_same(guided_backprop.explain(network, inputs, classes)[:, 0], expected)
        assert_same(explainer(crops, classes.numpy())[1], expected)


@pytest.mark.parametrize(("method", "module"), [("saliency", saliency), ("grad-cam", grad_cam)])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_other_methods_run_without_torch_too(exported, crops, tmp_path, name, method, module):
    network, file = exported(name)
    classes = np.arange(8) % 2
    _, maps = graph(file, method, tmp_path)(crops, classes)
    assert_same(maps, module.explain(network, inputs_of(crops), torch.from_numpy(classes)))


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
    expected = guided_backprop.explain(network, inputs, torch.zeros(6, dtype=torch.int64))
    np.testing.assert_allclose(maps, expected[:, 0], atol=1e-6)


@pytest.mark.parametrize("preset", PRESETS)
def test_colour_and_sixteen_bits(crops, tmp_path, preset):
    spec = PreprocessSpec(**{**PRESETS[preset].to_dict(), "colour": "bgr"})
    coloured = np.stack([crops, crops[:, ::-1], 255 - crops], -1)
    torch.manual_seed(0)
    export(used(medley(3)), spec, coloured, METADATA, tmp_path / "x.onnx")
    _, maps = Explainer.load(tmp_path / "x.onnx")(coloured)
    assert maps.shape == coloured.shape
    _, activation = graph(tmp_path / "x.onnx", "grad-cam", tmp_path)(coloured)
    assert activation.shape == crops.shape


def test_a_graph_that_is_not_captums_is_not_kept(exported, crops, tmp_path, monkeypatch):
    network, _ = exported("medley")
    monkeypatch.setattr(guide, "PARITY", -1.0)
    with pytest.raises(ModelError, match=r"only 0.0% of 16 guided gradients are Captum's"):
        export(network, ALIGNED, crops, METADATA, tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


def test_an_exported_file_is_given_its_graph_without_its_network(exported, crops, tmp_path):
    _, file = exported("medley")
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(file.read_bytes())
    written = guide.write(copy)
    assert written == tmp_path / "copy.guided.onnx"
    np.testing.assert_array_equal(Explainer.load(copy)(crops)[1], Explainer.load(file)(crops)[1])
    with pytest.raises(ModelError, match="is a guided graph itself"):
        guide.write(written)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.guided.onnx", "copy.onnx"]


@pytest.mark.parametrize("name", classifier.shipped())
def test_the_shipped_graphs_are_those_of_the_shipped_models(name, crops, tmp_path):
    file = tmp_path / "model.onnx"
    file.write_bytes((classifier.WEIGHTS / f"{name}.onnx").read_bytes())
    guide.write(file)
    mine, shipped = Explainer.load(file), Explainer.load(name)
    np.testing.assert_array_equal(mine(crops)[1], shipped(crops)[1])
    assert mine.metadata == shipped.metadata


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (nn.Sigmoid(), "does not know the gradient of Sigmoid"),
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


@pytest.mark.parametrize("method", sanity.METHODS)
def test_maps_change_when_all_weights_are_random(exported, crops, method):
    network, _ = exported("mini_xception")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    inputs, classes = inputs_of(crops), torch.arange(8) % 2
    found = sanity.examine(network, inputs, classes, method, range(2))
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())
    parts = [name for name, part in network.named_children() if list(part.parameters())]
    assert [stage["part"] for stage in found["cascade"]] == parts[::-1]
    for stage in found["cascade"]:
        if stage["n"]:  # Grad-CAM of random weights may find nothing that speaks for a class
            low, high = stage["spearman_interval"]
            assert -1 <= low <= stage["spearman"] <= high <= 1
    *_, last = (stage["spearman"] for stage in found["cascade"] if stage["n"])
    assert last < 0.5
    if method != "grad_cam":
        assert found["other_class"]["n"] == 8


def test_what_shows_the_picture_alone_fails_the_test(exported, crops, monkeypatch):
    network, _ = exported("mini_xception")
    edges = sanity._edges(inputs_of(crops))
    monkeypatch.setattr(sanity, "magnitudes", lambda *_: edges)
    found = sanity.examine(network, inputs_of(crops), torch.zeros(8).long(), "x", range(1))
    for stage in [*found["cascade"], found["edges"], found["other_class"]]:
        assert stage["spearman"] == pytest.approx(1)
        assert stage["ssim"] == pytest.approx(1)


def test_the_cascade_goes_from_the_last_part_to_the_first(exported, crops):
    network, _ = exported("standard_cnn")
    now = dict(network.named_children())
    changed = []
    for name, altered in sanity.randomised(network, inputs_of(crops), 0):
        changed.append(name)
        for other, part in altered.named_children():
            pairs = zip(part.parameters(), now[other].parameters(), strict=True)
            same = all(torch.equal(one, two) for one, two in pairs)
            assert same == (other not in changed or not list(part.parameters()))
    assert changed == [str(number) for number in range(8, -1, -1)]


def test_likeness_of_maps():
    draw = np.random.default_rng(0)
    one, other = draw.random((2, 4, 64, 64)).astype(np.float32)
    assert sanity.similarity(one, one**3)["spearman"] == pytest.approx(1)
    assert sanity.similarity(one, 1 - one)["spearman"] == pytest.approx(-1)
    assert abs(sanity.similarity(one, other)["spearman"]).max() < 0.1
    assert sanity.similarity(one, other)["ssim"].max() < 0.1
    assert sanity.similarity(one, 7 * one)["ssim"] == pytest.approx(1)
    flat = sanity.similarity(one, np.zeros_like(one))
    assert np.isnan([flat["spearman"], flat["ssim"]]).all()
