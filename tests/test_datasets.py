"""What every reader says of itself, sources by name, and the command that lists them."""

import json

import pytest
from typer.testing import CliRunner

from genderscope import datasets, plugins
from genderscope.cli import app
from genderscope.contracts import DatasetError, UsageError

NAMES = ["adience", "celeba", "fairface", "folder", "imdb", "lfw", "table", "utkface", "wiki"]


def test_the_readers_are_all_there():
    assert plugins.names("datasets") == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_says_what_it_reads(name):
    reader = plugins.load("datasets", name)
    texts = (reader.TITLE, reader.LABELS, reader.LICENCE, reader.WHERE, *reader.SPLITS)
    assert all(isinstance(text, str) and text and "\n" not in text for text in texts)
    assert reader.LAYOUT.startswith(("DIR/ ", "DIR/\n", "FILE", f"{name}/"))
    assert reader.SIZE is None or reader.SIZE > 10_000


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("fairface", UsageError, "written NAME:PATH, not 'fairface'; there are: adience:DIR"),
        ("fairface:", UsageError, "written NAME:PATH"),
        ("faces:x", UsageError, "no 'faces' in datasets; there are: adience"),
        ("_labels:x", UsageError, "no '_labels' in datasets"),
        ("lfw:nowhere", DatasetError, "nowhere is not there"),
        ("lfw:nowhere?a=b", DatasetError, "nowhere is not there"),
        ("lfw:.?a=b", UsageError, "lfw has no option a; it has: none"),
    ],
)
def test_says_what_is_wrong_with_a_source(source, error, message):
    with pytest.raises(error, match=message):
        datasets.read(source, "all")


def test_the_command_lists_them():
    listed = CliRunner().invoke(app, ["datasets", "--json"])
    assert listed.exit_code == 0
    entries = {entry["name"]: entry for entry in json.loads(listed.stdout)}
    assert list(entries) == NAMES
    assert entries["imdb"]["pictures"] == 460_723
    assert entries["fairface"]["licence"] == "CC BY 4.0"

    shown = CliRunner().invoke(app, ["datasets"])
    assert shown.exit_code == 0
    for entry in entries.values():
        assert entry["where"] in shown.stdout
        assert entry["layout"] in shown.stdout
