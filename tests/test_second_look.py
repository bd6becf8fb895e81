"""Some faces are scored again, mirrored, and get the mean of both looks."""

import numpy as np
import pytest

from genderscope import detection
from genderscope.imaging import decode
from genderscope.imaging.preprocess import crop
from genderscope.inference.classifier import Classifier, calibrated, mirror, shipped
from genderscope.inference.explainer import Explainer

FACES = 60


class Looks:
    """A shipped model's first look at faces, from a clear one to noise, and the mean of two."""

    def __init__(self, name, portrait):
        self.classifier, self.explainer = Classifier.load(name), Explainer.load(name)
        image = decode.read(portrait)
        [face] = detection.create("haar")(image)
        clear = crop(image, face, self.classifier.spec).astype(np.float64)
        noise = np.random.default_rng(0).integers(0, 256, (FACES, *clear.shape))
        share = np.linspace(0.2, 1, FACES).reshape(-1, *[1] * clear.ndim)
        self.crops = ((1 - share) * clear + share * noise).round().astype(np.uint8)
        self.first = self.classifier.first_look(self.crops)
        self.mean = (self.first + self.classifier.first_look(mirror(self.crops))) / 2
        uncertain = self.scores(self.first).max(1) < self.classifier.min_confidence
        self.twice = uncertain | (self.classifier.metadata.second_look == "all")

    def scores(self, logits):
        return calibrated(logits, self.classifier.temperature, self.classifier.bias)


@pytest.fixture(scope="module", params=shipped())
def looks(request, portrait):
    return Looks(request.param, portrait)


def test_the_largest_model_scores_all_faces_twice_and_the_others_uncertain_ones(looks):
    accurate = looks.classifier.name == "efficientnet_lite0"
    assert looks.classifier.metadata.second_look == ("all" if accurate else "uncertain")
    assert 0 < looks.twice.sum() < FACES or accurate
    expected = np.where(looks.twice[:, None], looks.mean, looks.first)
    np.testing.assert_allclose(looks.classifier.logits(looks.crops), expected, atol=1e-5)
    np.testing.assert_allclose(looks.classifier(looks.crops), looks.scores(expected), atol=1e-5)
    assert abs(looks.mean - looks.first)[looks.twice].max() > 0.1


def test_other_faces_in_the_batch_change_no_score(looks):
    alone = [looks.classifier(looks.crops[index : index + 1]) for index in range(FACES)]
    np.testing.assert_allclose(looks.classifier(looks.crops), np.concatenate(alone), atol=1e-5)


def test_a_face_that_is_scored_twice_has_the_mean_map_of_both_looks_for_its_final_label(looks):
    scores, maps = looks.explainer(looks.crops)
    np.testing.assert_allclose(scores, looks.classifier(looks.crops), atol=1e-5)
    label = scores.argmax(1)
    assert (looks.scores(looks.first).argmax(1) != label).any()  # the second look changes some
    _, ours = looks.explainer.first_look(looks.crops, label)
    _, mirrored = looks.explainer.first_look(mirror(looks.crops), label)
    twice = looks.twice[:, None, None, None]
    expected = np.where(twice, (ours + mirrored[..., ::-1]) / 2, ours)
    expected = expected.transpose(0, 2, 3, 1).reshape(maps.shape)
    np.testing.assert_allclose(maps, expected, atol=1e-4 * abs(expected).max())
    _, chosen = looks.explainer(looks.crops, label)
    np.testing.assert_allclose(chosen, maps, atol=1e-4 * abs(expected).max())
