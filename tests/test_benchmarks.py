"""The command lines of benchmarks: a wrong one fails before anything is measured."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from genderscope.core.extras import installation

ROOT = Path(__file__).parents[1]
if not (ROOT / "benchmarks" / "throughput.py").is_file():
    pytest.skip("needs the repository's benchmarks/", allow_module_level=True)


def refused(name: str, *arguments: object) -> str:
    command = [sys.executable, "-m", f"benchmarks.{name}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    return done.stderr.splitlines()[-1]


def test_pictures_that_are_not_there_are_not_measured(tmp_path: Path) -> None:
    weights = tmp_path / "yunet.onnx"
    options = {
        "throughput": ["--pictures", tmp_path, "--detector-model", weights],
        "speed_bars": ["--before", ROOT, "--pictures", tmp_path],
    }
    for name, arguments in options.items():
        says = refused(name, *arguments)
        assert says.endswith("12_angry_men.jpg is not there; name its folder with --pictures")
    says = refused("find_faces", tmp_path, "--photographs", tmp_path)
    assert says.endswith("has no .jpg; name a folder with --photographs")


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_nothing_is_measured(tmp_path: Path, portrait: Path) -> None:
    arguments = ["--ray", "--pictures", portrait, "--detector-model", tmp_path / "yunet.onnx"]
    says = refused("scaling", *arguments)
    assert says.endswith(f"--ray needs Ray: {installation('cluster')}")
