"""What every reader says of itself, sources by name, and the command that lists them."""

import json

import pytest
from typer.testing import CliRunner

from genderscope.cli import app
from genderscope.core import plugins
from genderscope.core.errors import DatasetError, UsageError
from genderscope.data import datasets

NAMES = ["adience", "celeba", "fairface", "folder", "imdb", "lfw", "table", "utkface", "wiki"]


def test_the_readers_are_all_there():
    assert plugins.names("data.datasets") == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_says_what_it_reads(name):
    reader = plugins.load("data.datasets", name)
    texts = (reader.TITLE, reader.LABELS, reader.LICENCE, reader.WHERE, *reader.SPLITS)
    assert all(isinstance(text, str) and text and "\n" not in text for text in texts)
    assert reader.LAYOUT.startswith(("DIR/ ", "DIR/\n", "FILE", f"{name}/"))
    assert reader.SIZE is None or reader.SIZE > 10_000


def test_a_reader_that_lacks_a_name_is_refused(monkeypatch):
    monkeypatch.delattr("genderscope.data.datasets.lfw.LICENCE")
    with pytest.raises(UsageError, match="the reader lfw does not define LICENCE"):
        datasets.reader("lfw:DIR")


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (
            "fairface",
            UsageError,
            "NAME:PATH, such as fairface:DIR, not 'fairface'; there are: adience",
        ),
        ("fairface:", UsageError, "written NAME:PATH"),
        ("faces:x", UsageError, "no dataset 'faces'; there are: adience"),
        ("_checks:x", UsageError, "no dataset '_checks'"),
        ("lfw:nowhere", DatasetError, "nowhere does not exist"),
        ("lfw:.?a=b", UsageError, "lfw has no option a; it has: split"),
    ],
)
def test_says_what_is_wrong_with_a_source(source, error, message):
    with pytest.raises(error, match=message):
        datasets.read(source, "all")


@pytest.mark.parametrize(
    ("options", "split", "files"),
    [
        ("", None, ["a.jpg"]),
        ("", "val", ["b.jpg"]),
        ("?split=val", None, ["b.jpg"]),
        ("?split=val", "val", ["b.jpg"]),
        ("?split=all", None, ["a.jpg", "b.jpg"]),
        ("?split=val", "all", "names another split than 'all': drop one"),
    ],
)
def test_a_source_may_name_its_split_and_else_it_is_the_one_to_train_on(
    tmp_path, options, split, files
):
    for name in ("train/woman/a.jpg", "val/man/b.jpg"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    source = f"folder:{tmp_path}{options}"
    if isinstance(files, str):
        with pytest.raises(UsageError, match=files):
            datasets.read(source, split)
    else:
        assert [sample.file.name for sample in datasets.read(source, split)] == files


@pytest.mark.parametrize(
    ("source", "asked", "otherwise", "split"),
    [
        ("fairface:{}", None, "train", "train"),
        ("fairface:{}", None, "all", "train"),
        ("fairface:{}", None, "first", "train"),
        ("fairface:{}", None, "last", "val"),
        ("fairface:{}", "train", "last", "train"),
        ("fairface:{}?split=train", None, "last", "train"),
        ("fairface:{}?split=train", "train", "last", "train"),
        ("lfw:{}", None, "all", "all"),
        ("utkface:{}", None, "train", "all"),
        ("folder:{}", None, "train", "train"),
        ("folder:{}", None, "last", "all"),
    ],
)
def test_which_split_is_meant(tmp_path, source, asked, otherwise, split):
    (tmp_path / "train").mkdir()
    assert datasets.split_of(source.format(tmp_path), asked, otherwise) == split


def test_two_different_splits_are_refused(tmp_path):
    message = "names another split than 'val': drop one"
    with pytest.raises(UsageError, match=message):
        datasets.split_of(f"fairface:{tmp_path}?split=train", "val", "last")


@pytest.mark.parametrize(
    ("arguments", "code", "printed"),
    [
        (["explore", "{source}", "--out", "{out}", "--metadata-only"], 0, ", train: 1 pictures"),
        (["split", "{source}", "--out", "{out}", "--test", "0"], 2, "1 labelled pictures are too"),
        (["split", "{source}", "--out", "{out}", "--seed", "4294967296"], 2, "not in the range 0<"),
        (["leakage", "{source}", "{source}"], 1, "(train): same bytes: 1"),
        (["evaluate", "--dataset", "{source}", "--detector", "haar"], 0, ", train, faces detected"),
    ],
)
def test_every_command_takes_a_source_that_names_its_split(
    tmp_path, portrait, model, arguments, code, printed
):
    for module in ("sklearn", "matplotlib", "imagehash"):
        pytest.importorskip(module, reason="needs the eval extra")
    for name in ("train/woman/a.jpg", "val/man/b.jpg"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(portrait.read_bytes())
    places = {"source": f"folder:{tmp_path}?split=train", "out": str(tmp_path / "out")}
    result = CliRunner().invoke(app, [argument.format(**places) for argument in arguments])
    assert result.exit_code == code, result.output
    assert printed in " ".join(result.output.split())


@pytest.mark.parametrize("name", NAMES)
def test_every_reader_has_a_split_to_train_on(name, tmp_path):
    """One that is refused is named by the error, so that nothing is read by chance."""
    with pytest.raises(DatasetError) as refused:
        list(datasets.read(f"{name}:{tmp_path}"))
    assert "no split" not in str(refused.value)


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
