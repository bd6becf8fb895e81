"""The public names, and what importing costs."""

import os
import subprocess
import sys

import genderscope
from genderscope.core import plugins

NAMES = {
    *("LABELS", "UNCERTAIN", "__version__"),
    *("load", "Scope", "Classifier", "PreprocessSpec"),
    *("Box", "Face", "Prediction", "Result", "Scene", "Frame", "Sample"),
    *("GenderscopeError", "UsageError", "MissingExtra", "PictureError", "FaceOutsidePicture"),
    *("SourceError", "ModelError", "DownloadError", "DatasetError", "ResultError"),
}
HEAVY = {
    *("torch", "lightning", "captum", "onnx", "matplotlib", "sklearn", "scipy", "jinja2"),
    *("cv2", "onnxruntime", "PIL", "rich"),
}


def loaded_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_the_public_names_are_these() -> None:
    assert set(genderscope.__all__) == NAMES
    assert set(dir(genderscope)) >= NAMES
    for name in NAMES:
        assert getattr(genderscope, name) is not None
    assert not hasattr(genderscope, "nothing_of_the_kind")


def test_importing_imports_nothing_heavy() -> None:
    assert not loaded_by("import genderscope") & {*HEAVY, "numpy"}


def test_help_imports_nothing_heavy() -> None:
    """Neither the command line nor any command's file."""
    for name in ("cli", *(f"cli.{name}" for name in plugins.names("cli"))):
        assert not loaded_by(f"import genderscope.{name}") & HEAVY, name


def test_running_needs_no_torch() -> None:
    loaded = loaded_by("import genderscope; genderscope.Scope; genderscope.Classifier")
    assert not loaded & {"torch", "lightning", "captum", "matplotlib", "sklearn", "scipy"}


def test_nothing_is_left_at_home(tmp_path):
    """ONNX Runtime's own telemetry would keep a file in the cache."""
    command = [sys.executable, "-c", "from genderscope.cli import main; main()", "demo"]
    home = tmp_path / "home"
    home.mkdir()
    places = {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    subprocess.run(command, env=os.environ | places, cwd=tmp_path, capture_output=True, check=True)
    assert not list(home.rglob("*"))
