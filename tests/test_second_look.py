"""Some faces are scored again, mirrored and turned, and get the mean of all looks."""

import cv2
import numpy as np
import pytest

from genderscope import detection
from genderscope.imaging import decode
from genderscope.imaging.preprocess import crop
from genderscope.inference.classifier import Classifier, calibrated, shipped
from genderscope.inference.explainer import Explainer
from genderscope.inference.looks import FIRST, Look, looks

FACES = 60


class Looks:
    """A shipped model's first look at faces, from a clear one to noise, and the mean of all."""

    def __init__(self, name, portrait):
        self.classifier, self.explainer = Classifier.load(name), Explainer.load(name)
        image = decode.read(portrait)
        [face] = detection.create("haar")(image)
        clear = crop(image, face, self.classifier.spec).astype(np.float64)
        noise = np.random.default_rng(0).integers(0, 256, (FACES, *clear.shape))
        share = np.linspace(0.2, 1, FACES).reshape(-1, *[1] * clear.ndim)
        self.crops = ((1 - share) * clear + share * noise).round().astype(np.uint8)
        self.first = self.classifier.first_look(self.crops)
        self.all = looks(self.classifier.metadata.second_look_deg)
        views = [look.of(self.crops) for look in self.all]
        self.mean = np.mean([self.classifier.first_look(view) for view in views], 0)
        uncertain = self.scores(self.first).max(1) < self.classifier.min_confidence
        self.twice = uncertain | (self.classifier.metadata.second_look == "all")

    def scores(self, logits):
        return calibrated(logits, self.classifier.temperature, self.classifier.bias)


@pytest.fixture(scope="module", params=shipped())
def seen(request, portrait):
    return Looks(request.param, portrait)


def test_the_largest_model_scores_all_faces_twice_and_the_others_uncertain_ones(seen):
    accurate = seen.classifier.name == "efficientnet_lite0"
    assert seen.classifier.metadata.second_look == ("all" if accurate else "uncertain")
    assert len(seen.all) == (2 if accurate else 6)
    assert 0 < seen.twice.sum() < FACES or accurate
    expected = np.where(seen.twice[:, None], seen.mean, seen.first)
    np.testing.assert_allclose(seen.classifier.logits(seen.crops), expected, atol=1e-5)
    np.testing.assert_allclose(seen.classifier(seen.crops), seen.scores(expected), atol=1e-5)
    assert abs(seen.mean - seen.first)[seen.twice].max() > 0.1


def test_other_faces_in_the_batch_change_no_score(seen):
    alone = [seen.classifier(seen.crops[index : index + 1]) for index in range(FACES)]
    np.testing.assert_allclose(seen.classifier(seen.crops), np.concatenate(alone), atol=1e-5)


def test_a_face_that_is_scored_again_has_the_mean_map_of_all_looks_for_its_final_label(seen):
    scores, maps = seen.explainer(seen.crops)
    np.testing.assert_allclose(scores, seen.classifier(seen.crops), atol=1e-5)
    label = scores.argmax(1)
    assert (seen.scores(seen.first).argmax(1) != label).any()  # the second look changes some
    of_looks = [
        look.undone(seen.explainer.first_look(look.of(seen.crops), label)[1]) for look in seen.all
    ]
    twice = seen.twice[:, None, None, None]
    expected = np.where(twice, np.mean(of_looks, 0), of_looks[0])
    expected = expected.transpose(0, 2, 3, 1).reshape(maps.shape)
    np.testing.assert_allclose(maps, expected, atol=1e-4 * abs(expected).max())
    _, chosen = seen.explainer(seen.crops, label)
    np.testing.assert_allclose(chosen, maps, atol=1e-4 * abs(expected).max())


def test_looks_are_the_crop_its_mirror_image_and_both_turned_either_way():
    assert looks(0) == (FIRST, Look(0, True))
    assert set(looks(8)) == {Look(turn, flip) for turn in (0, 8, -8) for flip in (False, True)}
    assert looks(8)[:2] == looks(0)


@pytest.mark.parametrize("shape", [(64, 64), (64, 64, 3), (9, 9)])
def test_a_view_is_turned_clockwise_like_opencv_and_then_mirrored(shape):
    size = shape[0]
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    crop_ = cv2.GaussianBlur(noise, (7, 7), 2)
    middle = (size - 1) / 2
    for turn in (8, -30):
        matrix = cv2.getRotationMatrix2D((middle, middle), -turn, 1)  # OpenCV's is anticlockwise
        expected = cv2.warpAffine(crop_, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
        [turned] = Look(turn).of(crop_[None])
        inner = slice(size // 4, -(size // 4))  # outside, OpenCV repeats edges a little differently
        np.testing.assert_allclose(turned[inner, inner], expected[inner, inner] * 1.0, atol=2)
        np.testing.assert_array_equal(Look(turn, True).of(crop_[None])[0], turned[:, ::-1])


def test_maps_of_a_view_are_turned_back_onto_the_crop():
    y, x = np.mgrid[:64, :64]
    spot = 200 * np.exp(-((x - 20) ** 2 + (y - 28) ** 2) / 50)
    crops = spot.round().astype(np.uint8)[None]
    for look in looks(8):
        maps = look.of(crops)[:, None].astype(np.float32)
        assert look == FIRST or abs(maps[0, 0] - spot).max() > 20
        np.testing.assert_allclose(look.undone(maps)[0, 0], spot, atol=6)
