"""The order in which crops are seen, and what classes of unequal size count. No training."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra [lab]")
pytest.importorskip("lightning", reason="needs the extra [lab]")

from genderscope.imaging.preprocess import PRESETS  # noqa: E402
from genderscope.training.batches import Balanced, Shuffled, class_weights  # noqa: E402
from genderscope.training.lightning_module import ClassifierModule  # noqa: E402
from genderscope.training.settings import Settings  # noqa: E402

# Three women in ten, unsorted.
LABELS = (np.random.default_rng(0).permutation(500) >= 150).astype(np.int8)
SAMPLERS = {
    "none": lambda seed=0: Shuffled(500, 32, seed),
    "sampler": lambda seed=0: Balanced(LABELS, 32, seed),
}


def epoch(sampler, number):
    sampler.set_epoch(number)
    return list(sampler)


@pytest.mark.parametrize("balance", SAMPLERS)
def test_the_order_is_the_seeds_and_the_epochs(balance):
    sampler = SAMPLERS[balance]()
    epochs = [epoch(sampler, number) for number in range(3)]
    assert epoch(SAMPLERS[balance](), 2) == epochs[2], "a resumed run differs"
    assert epoch(SAMPLERS[balance](seed=1), 2) != epochs[2]
    assert epochs[0] != epochs[1]
    for batches in epochs:
        assert len(batches) == len(sampler) == 15
        assert {len(batch) for batch in batches} == {32}


def test_shuffled_shows_each_crop_at_most_once():
    seen = np.concatenate(epoch(SAMPLERS["none"](), 0))
    assert np.bincount(seen, minlength=500).max() == 1


@pytest.mark.parametrize("rare", [0, 1])
def test_balanced_shows_as_many_of_both_classes(rare):
    labels = LABELS if rare == 0 else 1 - LABELS
    sampler = Balanced(labels, 25, 0)
    total = np.zeros(500, int)
    for number in range(16):
        counts = np.bincount(np.concatenate(epoch(sampler, number)), minlength=500)
        assert counts[labels == rare].sum() == counts[labels != rare].sum() == 250
        assert set(counts[labels == rare]) == {1, 2}  # 250 of 150 crops
        assert set(counts[labels != rare]) == {0, 1}  # 250 of 350 crops
        total += counts
    assert total.min() > 0, "some crop is never seen"


def test_balanced_leaves_equal_classes_as_they_are():
    labels = np.arange(500, dtype=np.int8) % 2
    counts = np.bincount(np.concatenate(epoch(Balanced(labels, 25, 0), 0)), minlength=500)
    assert (counts == 1).all()


def test_class_weights_make_both_classes_count_as_much():
    weights = class_weights(LABELS)
    np.testing.assert_allclose(weights, [500 / 300, 500 / 700], rtol=1e-6)
    assert weights[LABELS].mean() == pytest.approx(1)
    assert (class_weights(np.arange(10, dtype=np.int8) % 2) == 1).all()


def test_class_weights_are_no_part_of_what_is_learnt():
    weights = torch.from_numpy(class_weights(LABELS))
    weighted = ClassifierModule(
        Settings(balance="weights"), PRESETS["aligned"], class_weights=weights
    )
    plain = ClassifierModule(Settings(), PRESETS["aligned"])
    assert torch.equal(weighted.class_weights, weights)
    assert plain.class_weights is None
    assert weighted.state_dict().keys() == plain.state_dict().keys()
