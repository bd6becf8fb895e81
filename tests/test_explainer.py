"""The guided graphs that are shipped, in ONNX Runtime alone."""

import re
import shutil

import numpy as np
import pytest

from genderscope import detection
from genderscope.core.errors import ModelError, UsageError
from genderscope.imaging import decode
from genderscope.imaging.preprocess import crop
from genderscope.inference.classifier import WEIGHTS, Classifier, shipped
from genderscope.inference.explainer import Explainer


@pytest.fixture(scope="module", params=shipped())
def name(request):
    return request.param


@pytest.fixture(scope="module")
def explainer(name):
    return Explainer.load(name)


@pytest.fixture(scope="module")
def crops(explainer, portrait):
    """A face in nine kinds of light."""
    image = decode.read(portrait)
    [face] = detection.create("haar")(image)
    one = crop(image, face, explainer.spec).astype(np.float64)
    return np.stack([one * gain for gain in np.linspace(0.3, 1, 9)]).round().astype(np.uint8)


def test_it_says_what_the_model_says(name, explainer, crops):
    classifier = Classifier.load(name)
    assert vars(explainer).keys() == vars(classifier).keys()
    assert explainer.spec == classifier.spec
    assert explainer.min_confidence == classifier.min_confidence
    scores, maps = explainer(crops)
    np.testing.assert_allclose(scores, classifier(crops), atol=1e-6)
    assert maps.shape == crops.shape
    assert maps.dtype == np.float32
    assert (maps.reshape(9, -1).std(1) > 0).all()


def test_without_a_class_the_higher_score_is_explained(explainer, crops):
    scores, maps = explainer(crops)
    for label in (0, 1):
        _, chosen = explainer(crops, np.full(9, label))
        same = (maps == chosen).reshape(9, -1).all(1)
        np.testing.assert_array_equal(same, scores.argmax(1) == label)
    _, mixed = explainer(crops, np.where(np.arange(9) % 2, -1, 0))
    np.testing.assert_array_equal(mixed[1::2], maps[1::2])


def test_a_map_depends_on_neither_the_batch_nor_the_calls_before(explainer, crops):
    _, together = explainer(crops)
    _, again = explainer(crops)
    np.testing.assert_array_equal(together, again)
    for index in range(9):
        _, alone = explainer(crops[index : index + 1])
        # Where a unit is zero but for rounding, its gradient may come or go.
        far = abs(alone[0] - together[index]).max() / abs(together[index]).max()
        assert far < 1e-2


def test_the_graphs_are_no_models_of_their_own():
    assert not [name for name in shipped() if "guided" in name]
    assert len(list(WEIGHTS.glob("*.guided.onnx"))) == len(shipped())


@pytest.mark.parametrize("classes", [[0], [0] * 8 + [2], [0] * 8 + [-2], [[0] * 9]])
def test_classes_that_fit_no_face_are_refused(explainer, crops, classes):
    with pytest.raises(UsageError, match="9 crops need as many classes, each -1"):
        explainer(crops, np.array(classes))


def test_a_model_without_its_graph_says_how_to_get_one(name, tmp_path):
    file = tmp_path / f"{name}.onnx"
    shutil.copy(WEIGHTS / file.name, file)
    with pytest.raises(ModelError, match=re.escape(f"'genderscope export {file}' writes one")):
        Explainer.load(file)
    guided = tmp_path / f"{name}.guided.onnx"
    shutil.copy(WEIGHTS / guided.name, guided)
    assert Explainer.load(file).name == name
    assert Explainer.load(guided).name == name
    with pytest.raises(ModelError, match="is a guided graph itself; name the model beside it"):
        Classifier.load(guided)
    shutil.copy(file, guided)
    with pytest.raises(ModelError, match="is not a guided graph"):
        Explainer.load(file)
    for other in sorted({"mini_xception", "standard_cnn"} - {name}):
        shutil.copy(WEIGHTS / f"{other}.guided.onnx", guided)
        with pytest.raises(ModelError, match=re.escape(f"{guided} does not match {file}: 'gender")):
            Explainer.load(file)
    with pytest.raises(ModelError, match="no model 'absent'"):
        Explainer.load("absent")


def test_pictures_are_grey_where_there_is_no_gradient():
    ramp = np.linspace(-2, 2, 9, dtype=np.float32).reshape(3, 3)
    shades = Explainer.picture(ramp)
    assert shades.dtype == np.uint8
    assert (shades[0, 0], shades[1, 1], shades[2, 2]) == (0, 128, 255)
    assert (np.diff(shades.ravel().astype(int)) > 0).all()
    np.testing.assert_array_equal(shades, Explainer.picture(ramp[..., None] * [0.5, 0.25, 0.25]))
    assert (Explainer.picture(np.zeros((3, 3), np.float32)) == 128).all()
