"""The bias that serves the worst group best, against every other cut."""

from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra [lab]")

from genderscope.training.calibration import GROUP_FACES, Views, calibrate, worst_group_cut

SHIFTS = (-1.0, 0.0, 0.5)  # of the logits of each race


@pytest.fixture
def faces():
    """Logits (n, 2), labels and groups of race and label of three races."""
    draw = np.random.default_rng(0)
    labels, races = draw.integers(0, 2, 3000), draw.integers(0, 3, 3000)
    margins = draw.normal(np.where(labels, 2, -2), 2) + np.take(SHIFTS, races)
    return np.stack([0 * margins, margins], 1), labels, 2 * races + labels


def lowest_recall(logits, labels, groups, cut):
    man = logits[:, 1] - logits[:, 0] > cut
    return min((man == labels)[groups == group].mean() for group in np.unique(groups))


def test_no_other_cut_has_a_higher_lowest_recall(faces):
    logits, *_ = faces
    best = lowest_recall(*faces, worst_group_cut(*faces))
    margins = np.sort(logits[:, 1] - logits[:, 0])
    others = [lowest_recall(*faces, (low + high) / 2) for low, high in pairwise(margins[::20])]
    assert best >= max(others)
    assert best > lowest_recall(*faces, 0) + 0.01


def test_small_and_unknown_groups_do_not_count(faces):
    logits, labels, groups = faces
    cut = worst_group_cut(*faces)
    few = np.full((GROUP_FACES - 1, 2), [9.0, 0.0])  # men who all look like women
    more = np.concatenate([logits, few]), np.append(labels, np.ones(len(few), int))
    for group in (99, -1):
        assert worst_group_cut(*more, np.append(groups, np.full(len(few), group))) == cut


def test_without_groups_the_lower_recall_of_both_labels_counts(faces):
    logits, labels, groups = faces
    assert worst_group_cut(logits, labels, 0 * groups - 1) == worst_group_cut(
        logits, labels, labels
    )


def test_the_cut_is_where_the_label_changes(faces):
    logits, labels, _ = faces
    fitted = calibrate(Views(logits, logits, logits), labels, cut=0.75)
    assert fitted.temperature == calibrate(Views(logits, logits, logits), labels).temperature
    assert -fitted.bias * fitted.temperature == pytest.approx(0.75)
