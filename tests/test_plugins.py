"""A plug-in is a file: in the package, in a folder, or in another package."""

import json
import os
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from console import COMMAND
from genderscope.cli import app
from genderscope.core import plugins
from genderscope.core.errors import UsageError
from genderscope.data import counterfactuals
from genderscope.inference.classifier import Classifier

# Each as a newcomer would write it: nothing but what its protocol requires.
PLUGINS = {
    "detectors/fixed.py": """
import numpy as np
from genderscope import Box, Face

class Fixed:
    name = "fixed"
    def __call__(self, image):
        # NumPy's numbers, as a network returns them.
        eyes, rest = ((200, 120), (242, 120)), ((221, 145), (205, 160), (237, 160))
        landmarks = tuple(map(tuple, np.float32(eyes + rest)))
        return [Face(Box(*np.float32([178, 68, 86, 110])), np.float32(1), landmarks)]

def create():
    return Fixed()
""",
    "datasets/shelf.py": """
from genderscope import Sample

def read(root, split):
    for number, file in enumerate(sorted(root.glob("*.png"))):
        yield Sample(file, number % 2, groups={"shelf": "top"})
""",
    "sinks/tally.py": """
class Tally:
    def __init__(self, target):
        self.target, self.faces = target, 0
    def __enter__(self):
        return self
    def __exit__(self, *_):
        with open(self.target, "w") as file:
            file.write(f"faces: {self.faces}")
    def write(self, scene):
        self.faces += len(scene.results)

create = Tally
""",
    "sinks/brightness.py": """
from contextlib import contextmanager
from pathlib import Path

NEEDS_PICTURES = True

class Brightness:
    def __init__(self, target):
        self.target = target
    def write(self, scene):
        Path(self.target).write_text(str(scene.frame.image.max()))

@contextmanager
def create(target):
    yield Brightness(target)
""",
    "models/plain.py": """
from torch import nn

def create(channels=1):
    return Plain(channels)

class Plain(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.maps = nn.Sequential(nn.Conv2d(channels, 4, 3, stride=4), nn.ReLU())
        self.logits = nn.Linear(4, 2)
    def forward(self, faces):
        return self.logits(self.maps(faces).mean((2, 3)))
""",
    "counterfactuals/upside_down.py": """
def upside_down(picture, face, seed):
    return picture[::-1].copy()

CONDITIONS = {"upside down": upside_down}
""",
    "datasets/_shared.py": "raise RuntimeError('shared code is not a plug-in')",
    "sinks/broken.py": "1 / 0",
    "sinks/empty.py": "",
}
DETECTOR = ["--detector", "fixed"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of plug-ins that the variable names, after one that is not there."""
    folder = tmp_path / "plugins"
    for name, code in PLUGINS.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)
    monkeypatch.setenv(plugins.FOLDERS, os.pathsep.join([str(tmp_path / "absent"), str(folder)]))
    counterfactuals.conditions.cache_clear()
    return folder


@pytest.fixture
def shelf(tmp_path: Path, portrait: Path) -> Path:
    """A data set of eight pictures."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    picture = cv2.imread(str(portrait))
    for number in range(8):
        brighter = cv2.convertScaleAbs(picture, alpha=0.8 + number / 20)
        cv2.imwrite(str(shelf / f"{number}.png"), brighter)
    return shelf


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.output + str(result.exception)
    return result


@pytest.mark.parametrize(
    ("package", "some"),
    [
        ("data.datasets", {"fairface", "utkface", "folder", "table"}),
        ("detection.detectors", {"haar", "yunet"}),
        ("sinks", {"jsonl", "csv", "annotate"}),
        ("cli", {"classify", "leakage", "card"}),
        ("training.models", {"mini_xception", "standard_cnn"}),
    ],
)
def test_names_are_the_files(package: str, some: set[str]) -> None:
    assert some <= set(plugins.names(package))
    assert "__init__" not in plugins.names(package)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no detector 'dlib'; there are: haar, yunet"):
        plugins.load("detection.detectors", "dlib")


@pytest.mark.parametrize("name", ["..classifier", "../tally", "tally.py", ""])
def test_a_name_cannot_leave_its_folder(folder: Path, name: str) -> None:
    for package in ("detection.detectors", "sinks"):
        with pytest.raises(UsageError, match="there are"):
            plugins.load(package, name)


def test_plugins_from_folders_are_listed_and_have_defaults(folder: Path) -> None:
    assert plugins.names("detection.detectors") == ["fixed", "haar", "yunet"]
    assert "_shared" not in plugins.names("data.datasets")
    shelf = plugins.load("data.datasets", "shelf")
    assert (shelf.SPLITS, shelf.SIZE, shelf.LICENCE) == (("all",), None, "not stated")
    assert shelf is plugins.load("data.datasets", "shelf")
    assert plugins.names("cli") == plugins.names("cli")
    assert not {"tally", "shelf"} & set(plugins.names("cli"))


def test_plugins_of_a_folder_share_code(folder: Path, tmp_path: Path) -> None:
    for place, kind in ((folder, "sinks"), (tmp_path / "absent", "sinks"), (folder, "datasets")):
        (place / kind).mkdir(parents=True, exist_ok=True)
        (place / kind / "_own.py").write_text(f"def create(target): return {place.name, kind}")
        (place / kind / f"of_{place.name}.py").write_text(
            "from ._own import create as read, create"
        )
    for package, name in (
        ("sinks", folder.name),
        ("sinks", "absent"),
        ("data.datasets", folder.name),
    ):
        plugin = plugins.load(package, f"of_{name}")
        assert plugin.create("") == (name, package.rpartition(".")[2])


def test_the_package_s_own_come_first(folder: Path) -> None:
    (folder / "sinks" / "csv.py").write_text("raise RuntimeError")
    assert plugins.load("sinks", "csv").__name__ == "genderscope.sinks.csv"


def test_a_broken_plugin_is_one_line(folder: Path, portrait: Path) -> None:
    for name, says in {
        "broken": "'broken' cannot be imported: ZeroDivisionError: division by zero",
        "empty": "'empty' does not define create",
    }.items():
        result = CliRunner().invoke(app, ["classify", str(portrait), "--sink", f"{name}=x"])
        assert result.exit_code == 2
        assert result.output == f"genderscope: the plug-in {says}\n"


def test_a_condition_of_no_kind_is_refused(folder: Path) -> None:
    with (folder / "counterfactuals" / "upside_down.py").open("a") as file:
        file.write("KIND = 'odd'\n")
    with pytest.raises(UsageError, match="no kind of condition 'odd'; there are: worn"):
        counterfactuals.conditions()


@pytest.mark.parametrize("name", ["blur", "all", "random", "worn"])
def test_a_condition_with_a_name_in_use_is_refused(folder: Path, name: str) -> None:
    file = folder / "counterfactuals" / "upside_down.py"
    file.write_text(file.read_text().replace('"upside down"', repr(name)))
    with pytest.raises(UsageError, match=f"condition '{name}' of a plug-in has a name in use"):
        counterfactuals.conditions()


def test_entry_points_are_plugins(tmp_path: Path) -> None:
    (tmp_path / "another_package.py").write_text(PLUGINS["sinks/tally.py"])
    about = tmp_path / "another_package-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: another-package\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[genderscope.sinks]\nelsewhere = another_package\n")
    program = (
        "from genderscope.core import plugins; print('elsewhere' in plugins.names('sinks'), "
        "plugins.load('sinks', 'elsewhere').__name__)"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [COMMAND[0], "-c", program],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "True another_package\n", done.stderr


def test_a_detector_and_sinks_in_the_real_command(
    folder: Path, model: str, portrait: Path, tmp_path: Path
) -> None:
    sinks = ["--sink", f"tally={tmp_path / 'tally'}", "--sink", f"brightness={tmp_path / 'max'}"]
    done = subprocess.run(
        [*COMMAND, "classify", portrait, *DETECTOR, *sinks],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "tally").read_text() == "faces: 1"
    assert int((tmp_path / "max").read_text()) > 200


def test_sinks_and_a_detector_in_watch(folder: Path, model: str, shelf: Path) -> None:
    run("watch", shelf, *DETECTOR, "--sink", f"tally={shelf / 'tally'}")
    assert (shelf / "tally").read_text() == "faces: 8"


@pytest.mark.parametrize("sink", ["tally", "tally=", "=x"])
def test_a_sink_without_a_target_is_refused(folder: Path, portrait: Path, sink: str) -> None:
    result = CliRunner().invoke(app, ["classify", str(portrait), "--sink", sink])
    assert (result.exit_code, "NAME=TARGET" in result.output) == (2, True)


def test_weights_for_a_detector_that_takes_none_are_refused(folder: Path, portrait: Path) -> None:
    arguments = ["classify", str(portrait), *DETECTOR, "--detector-model", "x.onnx"]
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, "fixed takes no weights" in result.output) == (2, True)


def test_a_detector_explains(folder: Path, model: str, portrait: Path, tmp_path: Path) -> None:
    run("explain", portrait, *DETECTOR, "--sheet", tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").is_file()


def test_a_detector_serves(folder: Path, model: str, portrait: Path) -> None:
    serving = pytest.importorskip("serving", reason="needs the extra [serve]")
    with serving.serving(*DETECTOR) as (client, _):
        answer = client.post("/v1/classify", files={"file": portrait.read_bytes()}).json()
    [face] = answer["pictures"][0]["faces"]
    assert face["box"] == {"x": 178, "y": 68, "width": 86, "height": 110}


def test_a_data_set_is_listed_explored_searched_and_split(
    folder: Path, shelf: Path, tmp_path: Path
) -> None:
    pytest.importorskip("sklearn", reason="needs the extra [eval]")
    assert "shelf" in run("datasets").output
    run("explore", f"shelf:{shelf}", "--out", tmp_path / "explored")
    assert (tmp_path / "explored" / "index.html").is_file()
    arguments = ["leakage", f"shelf:{shelf}", f"shelf:{shelf}", "--jobs", "1"]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "leakage")])
    assert (result.exit_code, "same bytes: 8" in result.output) == (1, True)
    shares = ["--validation", 0.25, "--test", 0.25]
    run("split", f"shelf:{shelf}", "--out", tmp_path / "split", *shares)
    parts = json.loads((tmp_path / "split" / "splits.json").read_text())["parts"]
    assert {name: part["pictures"] for name, part in parts.items()} == {
        "train": 4,
        "test": 2,
        "validation": 2,
    }


def test_a_data_set_and_a_detector_are_evaluated(
    folder: Path, model: str, shelf: Path, tmp_path: Path
) -> None:
    pytest.importorskip("sklearn", reason="needs the extra [eval]")
    source = ["--dataset", f"shelf:{shelf}", *DETECTOR]
    run("evaluate", *source, "--json", tmp_path / "evaluation.json")
    result = json.loads((tmp_path / "evaluation.json").read_text())
    assert (result["n"], result["detector"]) == (8, "fixed")
    run("compare", "mini_xception", "standard_cnn", *source)
    run("audit", *source, "--by", "shelf", "--out", tmp_path / "audit")
    run("regions", *source)
    run("benchmark", *source, "--rounds", 1, "--out", tmp_path / "benchmark")
    result = json.loads((tmp_path / "benchmark" / "benchmark.json").read_text())
    [accuracy] = result["models"]["mini_xception"]["accuracy"].items()
    assert (result["detector"], accuracy[0], accuracy[1]["n"]) == ("fixed", "shelf-all", 8)


def test_a_condition_is_measured_and_prepared(
    folder: Path, model: str, shelf: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra [eval]")
    source, file = f"shelf:{shelf}", tmp_path / "conditions.json"
    options = [*DETECTOR, "--conditions", "upside down", "--json", file]
    run("counterfactuals", "--dataset", source, *options)
    [condition] = json.loads(file.read_text())["conditions"]
    assert (condition["name"], condition["kind"]) == ("upside down", "worn")
    options = [*DETECTOR, "--counterfactual", "upside down", "--jobs", 1]
    run("prepare", source, "--out", tmp_path / "cache", *options)
    assert list((tmp_path / "cache").glob("*.arrow"))


def test_a_network_is_trained_exported_and_run(
    folder: Path, shelf: Path, portrait: Path, tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="needs the extra [lab]")
    run(
        *("train", "--dataset", f"shelf:{shelf}", "--out", tmp_path / "run", *DETECTOR),
        *("--model", "plain", "--epochs", 1, "--batch-size", 2, "--validation-ratio", 0.5),
        *("--jobs", 1),
    )
    model = Classifier.load(tmp_path / "run" / "plain.onnx")
    assert (model.name, model.metadata.source) == ("plain", "not stated")
    assert model(np.zeros((1, 64, 64), np.uint8)).shape == (1, 2)
    run("classify", portrait, *DETECTOR, "--model", tmp_path / "run" / "plain.onnx")


def test_crops_of_a_data_set_that_is_not_there_are_refused_before_the_training(
    folder: Path, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="needs the extra [lab]")
    run("prepare", f"shelf:{shelf}", "--out", tmp_path / "cache", "--jobs", 1, *DETECTOR)
    monkeypatch.delenv(plugins.FOLDERS)
    arguments = ["train", "--cache", tmp_path / "cache", "--out", tmp_path / "run"]
    arguments += ["--set", "batch_size=2", "--set", "validation_ratio=0.5"]
    refused = CliRunner().invoke(app, list(map(str, arguments)))
    assert refused.exit_code == 2
    assert "are of 'shelf': no dataset 'shelf'; there are: " in " ".join(refused.output.split())
    assert not list((tmp_path / "run").glob("*.ckpt"))
