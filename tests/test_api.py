"""The public names, and what importing costs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import genderscope
from genderscope.core import errors, plugins
from genderscope.core.errors import UsageError
from genderscope.imaging import decode

NAMES = {
    *("LABELS", "UNCERTAIN", "__version__"),
    *("load", "evaluate", "audit", "Scope", "Results", "Classifier", "PreprocessSpec"),
    *("Box", "Face", "Prediction", "Result", "Scene", "Frame", "Sample"),
    *("GenderscopeError", "UsageError", "MissingExtra", "PictureError", "FaceOutsidePicture"),
    *("SourceError", "ModelError", "ModelWarning", "DownloadError", "DatasetError"),
    "ResultError",
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


def test_every_error_is_public() -> None:
    own = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    assert own <= NAMES


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


@pytest.fixture(scope="module")
def scope(model: str) -> genderscope.Scope:
    return genderscope.load(model, "haar", min_confidence=0.75)


def test_results_read_well(scope: genderscope.Scope, portrait: Path) -> None:
    results = scope(portrait)
    [face] = results
    woman, man = face.prediction.scores
    assert (face.label, face.confidence) == ("woman", woman)
    assert face.scores == {"woman": woman, "man": man}
    assert repr(face).startswith(f"<Result: woman, woman {woman:.3f}, man {man:.3f}, 77 x 94 ")
    plain = face.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert (plain["label"], plain["box"]["width"]) == ("woman", pytest.approx(77, abs=1))
    assert f"<td>0</td><td>woman</td><td>{woman:.3f}</td>" in results._repr_html_()
    assert repr(scope) == (
        f"<Scope: model {scope.classifier.name}, uncertain below 0.750; detector haar>"
    )


def test_a_face_is_explained_and_drawn(scope: genderscope.Scope, portrait: Path) -> None:
    [face] = scope(portrait)
    [explained] = scope.explain(portrait)
    [other] = scope.explain(portrait, "man")
    assert explained.result.scores == pytest.approx(face.scores, abs=1e-5)
    assert explained.result.prediction.min_confidence == 0.75
    assert not np.array_equal(explained.map, other.map)
    assert repr(explained).startswith("<Explanation of woman: energy in eyes ")
    assert decode.read(explained._repr_png_()).shape[1] > 2 * explained.map.shape[1]
    with pytest.raises(UsageError, match="label is 'woman' or 'man', not 'girl'"):
        scope.explain(portrait, "girl")

    drawn = scope.draw(portrait, [face])
    assert drawn.size == (512, 512)
    changed = (np.asarray(drawn)[..., ::-1] != decode.read(portrait)).any(-1)
    assert 0.005 < changed.mean() < 0.2


def test_a_video_is_followed(scope: genderscope.Scope, portrait: Path, tmp_path: Path) -> None:
    small = cv2.resize(decode.read(portrait)[20:240, 110:330], (240, 240))
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.roll(small, number, 1))
    scenes = list(scope.video(tmp_path, frame_rate=10, explain=True, drawn=True))
    assert [scene.frame.time_s for scene in scenes] == pytest.approx([0, 0.1, 0.2, 0.3])
    assert [[face.track.number for face in scene.results] for scene in scenes] == [[1]] * 4
    assert len(scenes[0].maps) == 1
    assert scenes[0].drawn.shape == small.shape
    assert "track 1, " in repr(scenes[0].results[0])


def test_an_empty_source_is_not_the_current_folder(scope: genderscope.Scope) -> None:
    with pytest.raises(UsageError, match="the source of a video is empty"):
        scope.video("")
    with pytest.raises(UsageError, match="frame_rate must be positive and finite, not 'fast'"):
        scope.video("0", frame_rate="fast")  # type: ignore[arg-type]


def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match=r"no device 'abacus' .* it has: .*cpu.*onnxruntime-gpu"):
        genderscope.load(device="abacus")
    with pytest.raises(UsageError, match="no device None "):
        genderscope.load(device=None)  # type: ignore[arg-type]
    assert genderscope.load(detector="haar", device="CPU").classifier.provider == "cpu"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"min_confidence": 65}, "min_confidence must be a number from 0 to 1, not 65"),
        ({"min_confidence": True}, "min_confidence must be a number from 0 to 1, not True"),
        ({"min_score": "high"}, "min_score must be a number from 0 to 1, not 'high'"),
        ({"max_yaw": -1}, "max_yaw must be a number from 0 to 90 degrees, not -1"),
        ({"min_face_px": 1.5}, "min_face_px must be a whole number of at least 1, not 1.5"),
        ({"min_face_px": np.nan}, "min_face_px must be a whole number of at least 1, not nan"),
        ({"detection_size": 31}, "detection_size must be a whole number of at least 32, not 31"),
        ({"threads": -1}, "threads must be a whole number from 0 to 1,024, not -1"),
        ({"threads": True}, "threads must be a whole number from 0 to 1,024, not True"),
        ({"threads": "two"}, "threads must be a whole number from 0 to 1,024, not 'two'"),
        ({"model": b"fast"}, "model must be a name or a path, not b'fast'"),
        ({"model": "FAST"}, "no model 'FAST'; did you mean 'fast'?"),
        ({"detector": "yunet", "detector_model": "no.onnx"}, "no.onnx"),
        ({"detector_model": 5}, "detector_model must be a path, not 5"),
        ({"detector_model": ""}, "detector_model must be a path, not ''"),
    ],
)
def test_options_that_cannot_be_meant(options: dict[str, Any], says: str) -> None:
    with pytest.raises(genderscope.GenderscopeError, match=re.escape(says)):
        genderscope.load(**{"detector": "haar", **options})


def test_numbers_of_numpy(portrait: Path) -> None:
    scope = genderscope.load(
        detector="haar",
        detection_size=np.int64(640),
        min_face_px=np.uint8(30),
        threads=np.int32(1),
        min_confidence=np.float32(0.5),
    )
    assert len(scope(portrait)) == 1


def test_only_results_are_drawn(scope: genderscope.Scope, portrait: Path) -> None:
    faces = scope(portrait)
    for wrong in (None, faces[0], [faces[0].to_dict()], [faces], "faces"):
        with pytest.raises(UsageError, match="results must be what the call returned, not "):
            scope.draw(portrait, wrong)
    assert scope.draw(portrait, iter(faces)) == scope.draw(portrait, faces)
