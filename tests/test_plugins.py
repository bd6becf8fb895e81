"""A plug-in is a file."""

import pytest

from genderscope.core import plugins
from genderscope.core.errors import UsageError


@pytest.mark.parametrize(
    ("package", "some"),
    [
        ("data.datasets", {"fairface", "utkface", "folder", "table"}),
        ("detection.detectors", {"haar", "yunet"}),
        ("sinks", {"jsonl", "csv", "annotate"}),
        ("cli", {"classify", "leakage", "card"}),
        ("training.models", {"mini_xception", "standard_cnn"}),
    ],
)
def test_names_are_the_files(package, some):
    assert some <= set(plugins.names(package))
    assert "__init__" not in plugins.names(package)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UsageError, match=r"no 'dlib' in detectors; there are: haar, yunet"):
        plugins.load("detection.detectors", "dlib")


def test_a_name_cannot_leave_its_folder():
    with pytest.raises(UsageError, match="there are"):
        plugins.load("detection.detectors", "..classifier")
