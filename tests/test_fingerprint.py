"""The fingerprint of samples, and results that name their data by it."""

from dataclasses import replace

import pytest

from genderscope.cli import _provenance
from genderscope.core.types import Box, Sample
from genderscope.data.fingerprint import Fingerprint, fingerprint
from genderscope.evaluation.samples import Samples


@pytest.fixture
def samples(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"four")
    return [Sample(tmp_path / "a.jpg", 0, identity="x"), Sample(tmp_path / "absent.jpg", None)]


def test_it_is_of_names_sizes_labels_boxes_and_identities_in_order(samples, tmp_path):
    first, second = samples
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "a.jpg").write_bytes(b"4444")
    elsewhere = replace(first, file=tmp_path / "b" / "a.jpg", groups={"light": "dim"})
    result = str(fingerprint(samples))
    assert result == str(fingerprint([elsewhere, second]))
    for others in (
        [second, first],
        [first],
        [replace(first, label=1), second],
        [replace(first, identity="y"), second],
        [replace(first, box=Box(1, 1, 9, 9)), second],
    ):
        assert str(fingerprint(others)) != result
    (tmp_path / "a.jpg").write_bytes(b"three")
    assert str(fingerprint(samples)) != result


def test_streaming_changes_nothing(samples):
    streamed = Fingerprint()
    for sample in samples:
        streamed.add([sample])
    assert (str(streamed), streamed.samples) == (str(fingerprint(samples)), 2)


def test_provenance_names_the_data(samples):
    provenance = _provenance.of("numpy", seed=3, samples=Samples("d:x", "all", samples, None))
    assert (provenance.fingerprint, provenance.seed) == (str(fingerprint(samples)), 3)
    assert _provenance.of("numpy").fingerprint is None
