"""The wheel and the sdist hold what the package needs, and no more.

``.ci/run`` installs the wheel, made from the sdist, into a fresh environment and runs the demo.
"""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

import genderscope

ROOT = Path(__file__).parents[1]
NAME = f"genderscope-{genderscope.__version__}"
PARTS = {"src", "tests", "docs", "results"}
SUFFIXES = {
    ".py",
    ".typed",
    ".onnx",
    ".json",
    ".md",
    ".jpg",
    ".html",
    ".css",
    ".js",
    ".svg",
    ".toml",
}
OPTIONAL = "genderscope/server/web/onnxruntime/"  # scripts/build_web.sh puts 14 MB there


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    pytest.importorskip("hatchling", reason="needs the extra [dev]")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--directory", folder]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


def test_the_wheel(built):
    with zipfile.ZipFile(built / f"{NAME}-py3-none-any.whl") as wheel:
        files = [file for file in wheel.infolist() if not file.filename.startswith(OPTIONAL)]
    names = [PurePosixPath(file.filename) for file in files]
    size = sum(file.compress_size for file in files)
    print(f"wheel: {len(files)} files, {size / 1e6:.1f} MB")  # noqa: T201
    assert {name.parts[0] for name in names} == {"genderscope", f"{NAME}.dist-info"}
    package = [name for name in names if name.parts[0] == "genderscope"]
    assert {name.suffix for name in package} <= SUFFIXES
    assert size < 20e6


def test_the_sdist(built):
    file = built / f"{NAME}.tar.gz"
    with tarfile.open(file) as sdist:
        names = [PurePosixPath(name).relative_to(NAME) for name in sdist.getnames()]
    print(f"sdist: {len(names)} files, {file.stat().st_size / 1e6:.1f} MB")  # noqa: T201
    assert {name.parts[0] for name in names if len(name.parts) > 1} == PARTS
    assert not [name for name in names if name.suffix in (".png", ".jpg") and "docs" in name.parts]
    assert file.stat().st_size < 20e6
