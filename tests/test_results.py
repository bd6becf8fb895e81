"""Documents: saved, read back strictly, and refused with one clear error."""

import json
import platform
from pathlib import Path
from typing import ClassVar

import pytest

import genderscope
from genderscope.core.errors import ResultError, UsageError
from genderscope.core.results import Document, Estimate, Provenance, versions


class Weighing(Document, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "weighing"
    VERSION: ClassVar[int] = 3

    mean: Estimate
    spread: float | None = None


PROVENANCE = Provenance(command="weigh", versions=versions(), seed=1)
MEAN = Estimate(n=40, value=0.5, interval=(0.4, 0.6))
WEIGHING = Weighing(provenance=PROVENANCE, mean=MEAN)


def test_a_document_is_read_back_as_it_was(tmp_path: Path) -> None:
    WEIGHING.save(tmp_path / "new" / "a.json")
    assert Weighing.load(tmp_path / "new" / "a.json") == WEIGHING


def test_a_file_may_be_named_by_a_string(tmp_path: Path) -> None:
    WEIGHING.save(str(tmp_path / "a.json"))
    assert Weighing.load(str(tmp_path / "a.json")) == WEIGHING
    with pytest.raises(UsageError, match="file must be a path, not None"):
        WEIGHING.save(None)  # type: ignore[arg-type]


def test_nan_is_null(tmp_path: Path) -> None:
    Weighing(provenance=PROVENANCE, mean=MEAN, spread=float("nan")).save(tmp_path / "a.json")
    assert Weighing.load(tmp_path / "a.json").spread is None


def test_a_name_that_is_not_utf8_is_kept_as_far_as_it_can_be(tmp_path: Path) -> None:
    made_by = Provenance(command="weigh caf\udce9.csv", versions=versions())
    Weighing(provenance=made_by, mean=MEAN).save(tmp_path / "a.json")
    assert Weighing.load(tmp_path / "a.json").provenance.command == "weigh caf\ufffd.csv"


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    WEIGHING.save(tmp_path / "a.json")
    with pytest.raises(UsageError, match="--overwrite"):
        WEIGHING.save(tmp_path / "a.json")
    WEIGHING.save(tmp_path / "a.json", overwrite=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "evaluation"}, "of kind 'evaluation', not 'weighing'"),
        ({"version": 2}, "version 2 of the format 'weighing'; this package reads version 3"),
        ({"version": None}, "version None"),
        ({"surplus": 1}, "broken: .*surplus"),
        ({"mean": {"n": "forty", "value": 0.5, "interval": None}}, r"broken: .*mean\.n"),
        ({"provenance": None}, "broken"),
    ],
)
def test_what_is_not_such_a_document_is_one_error(tmp_path: Path, change, message) -> None:
    file = tmp_path / "a.json"
    WEIGHING.save(file)
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(ResultError, match=message):
        Weighing.load(file)


@pytest.mark.parametrize("data", [b"", b"[1]", b'{"kind"', b"\xff", b"[" * 100_000])
def test_broken_files_are_one_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(ResultError, match="is not a result file"):
        Weighing.load(tmp_path / "a.json")


def test_a_missing_file_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="cannot be read"):
        Weighing.load(tmp_path / "absent.json")


def test_the_schema_names_kind_version_and_every_field() -> None:
    own = Weighing.schema()["$defs"]["Weighing"]
    assert own["properties"]["kind"] == {"const": "weighing"}
    assert set(own["properties"]) == {"kind", "version", "provenance", "mean", "spread"}
    assert own["required"] == ["kind", "version", "provenance", "mean"]


def test_versions_hold_that_of_the_source_that_runs(monkeypatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _: "of an older installation")
    assert versions(["numpy"]) == {
        "python": platform.python_version(),
        "genderscope": genderscope.__version__,
        "numpy": "of an older installation",
    }
