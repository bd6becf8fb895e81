"""Outputs: reserved for one process, never replaced silently, whole or not at all."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import pytest

from genderscope.core import storage
from genderscope.core.errors import UsageError
from genderscope.core.storage import claimed, completed


def test_an_existing_result_is_kept_unless_told_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("old")
    with pytest.raises(UsageError, match="exists: add --overwrite to replace it, or wait"):
        claimed(file, advice=", or wait").__enter__()
    with claimed(file, overwrite=True):
        assert file.read_text() == "old"
    (tmp_path / "b.csv.part").touch()
    with pytest.raises(UsageError, match=r"b.csv.part exists"):
        claimed(tmp_path / "b.csv").__enter__()
    assert sorted(os.listdir(tmp_path)) == ["a.json", "b.csv.part"]


def test_an_output_belongs_to_one_process(tmp_path: Path) -> None:
    place = tmp_path / "new" / "below" / "a.json"
    with (
        claimed(place),
        pytest.raises(UsageError, match="being written by another process or another option"),
    ):
        claimed(place, overwrite=True).__enter__()
    assert not (tmp_path / "new").exists()  # nothing was written
    with claimed(place):
        place.touch()
    assert os.listdir(place.parent) == ["a.json"]
    with pytest.raises(UsageError, match="cannot be written"):
        claimed(place / "b.json").__enter__()
    with claimed(Path(os.devnull)), completed(Path(os.devnull)) as device:
        assert device == Path(os.devnull)


def test_a_lock_that_was_removed_meanwhile_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process ends between the opening of its lock and the locking here."""
    lock, really = tmp_path / ".a.json.lock", storage._locked

    def late(file: IO[bytes]) -> bool:
        monkeypatch.setattr(storage, "_locked", really)
        lock.unlink()
        return really(file)

    monkeypatch.setattr(storage, "_locked", late)
    with claimed(tmp_path / "a.json"):
        assert lock.exists()
        with pytest.raises(UsageError, match="another process"):
            claimed(tmp_path / "a.json").__enter__()


def test_a_pipe_or_device_is_written_and_never_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        read = pool.submit(pipe.read_bytes)
        storage.write_whole(pipe, b"data")
    assert (read.result(), pipe.is_fifo(), os.listdir(tmp_path)) == (b"data", True, ["pipe"])

    streams = [storage.is_stream(place) for place in ("-", "/dev/fd/1", "/dev/fd", str(tmp_path))]
    assert streams == [True, True, False, False]

    # Standard output by another name leads to a file here, and is a link that must stay.
    with (tmp_path / "out").open("wb") as file, completed(Path(f"/dev/fd/{file.fileno()}")) as part:
        storage.write_whole(part, b"data")
    assert part.name.isdigit()
    assert (tmp_path / "out").read_bytes() == b"data"


def test_an_interruption_before_the_first_byte_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), completed(tmp_path / "a.jsonl"):
        raise KeyboardInterrupt
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("error", [None, KeyboardInterrupt, ValueError])
def test_a_file_gets_its_name_when_it_is_complete(
    tmp_path: Path, error: type[BaseException] | None
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("1\n")
    try:
        with completed(file, resume=True) as part:
            with part.open("a") as stream:
                stream.write("2\n")
            assert not file.exists()
            if error:
                raise error
    except (KeyboardInterrupt, ValueError):
        pass
    left = tmp_path / "a.jsonl.part" if error is ValueError else file
    assert os.listdir(tmp_path) == [left.name]
    assert left.read_text() == "1\n2\n"
