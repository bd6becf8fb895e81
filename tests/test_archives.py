"""The same pictures in a folder, a tar file, a Parquet table and behind an address."""

import subprocess
import sys
import tarfile
from collections import Counter
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import hostile
from genderscope.core.errors import PictureError, UsageError
from genderscope.core.storage import Store
from genderscope.core.types import Frame, Scene
from genderscope.data.datasets.table import rows as table_rows
from genderscope.inference import bulk
from genderscope.inference.bulk import Settings, archives
from genderscope.inference.bulk.archives import Shard, pictures, shards
from genderscope.sinks import parquet

pa = pytest.importorskip("pyarrow", reason="needs the extra [eval]")
pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra [eval]")


@pytest.fixture
def folder(tmp_path: Path, portrait: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(5):
        data = portrait.read_bytes()
        (folder / f"{number}.jpg").write_bytes(data[: 3000 if number == 3 else None])
    (folder / "notes.txt").write_text("no picture")
    return folder


def packed(folder: Path) -> Path:
    file = folder.parent / "packed.tar"
    with tarfile.open(file, "w") as archive:
        archive.add(folder, "inside")
    return file


def table(folder: Path, nested: bool) -> Path:
    file = folder.parent / "table.parquet"
    rows = [{"path": path.name, "bytes": path.read_bytes()} for path in folder.glob("*.jpg")]
    rows.sort(key=lambda row: row["path"])
    column = [row if nested else row["bytes"] for row in rows]
    columns = {"label": [0] * len(rows), "image": column}
    pq.write_table(
        pa.table(columns if nested else columns | {"path": [r["path"] for r in rows]}),
        file,
        row_group_size=2,
    )
    return file


def answers(place: str, model: str) -> list[Scene]:
    listed = (picture for shard in shards([place]) for picture in pictures(shard))
    return list(bulk.classify(listed, Settings(model=model, detector="haar"), 1))


@pytest.mark.parametrize("kind", ["tar", "table", "nested", "address", "addressed tar", "pattern"])
def test_answers_do_not_depend_on_where_pictures_lie(kind: str, folder: Path, model: str) -> None:
    if kind in ("address", "addressed tar", "pattern"):
        pytest.importorskip("fsspec", reason="needs the extra [cluster]")
    place = {
        "tar": lambda: str(packed(folder)),
        "table": lambda: str(table(folder, nested=False)),
        "nested": lambda: str(table(folder, nested=True)),
        "address": lambda: f"file://{folder}",
        "addressed tar": lambda: f"file://{packed(folder)}",
        "pattern": lambda: f"file://{packed(folder).parent}/*.tar",
    }[kind]()
    expected = answers(str(folder), model)
    assert [bool(scene.frame.error) for scene in expected] == [False, False, False, True, False]
    found = answers(place, model)
    assert [Path(s.frame.path).name for s in found] == [Path(s.frame.path).name for s in expected]
    assert [scene.results for scene in found] == [scene.results for scene in expected]
    assert "is broken" in found[3].frame.error
    assert found[3].frame.path in found[3].frame.error


def test_named_pictures_are_cut_into_shards_and_archives_stand_alone(folder: Path) -> None:
    tar = str(packed(folder))
    listed = list(shards([str(folder), tar, "absent.jpg"], size=2))
    assert [shard.place for shard in listed] == [None, None, None, tar, None]
    assert [len(shard.items) for shard in listed] == [2, 2, 1, 0, 1]
    assert listed == list(shards([str(folder), tar, "absent.jpg"], size=2))


def test_names_are_read_from_where_they_were_given(folder: Path) -> None:
    [picture] = pictures(Shard(items=("pictures/1.jpg",)), folder.parent)
    assert (picture.path, picture.source) == ("pictures/1.jpg", folder / "1.jpg")


@pytest.mark.parametrize(
    "file",
    ["cut.tar", "absent.tar", "cut.parquet", "wrong.parquet", "text.parquet", "struct.parquet"],
)
def test_an_archive_that_cannot_be_read_is_one_error(file: str, folder: Path) -> None:
    path = folder.parent / file
    if file == "wrong.parquet":
        pq.write_table(pa.table({"picture": [b"x"]}), path)
    elif file == "text.parquet":
        pq.write_table(pa.table({"image": ["a.jpg"]}), path)
    elif file == "struct.parquet":
        pq.write_table(pa.table({"image": [{"path": "a.jpg"}]}), path)
    elif file != "absent.tar":
        whole = packed(folder) if file.endswith("tar") else table(folder, nested=False)
        path.write_bytes(whole.read_bytes()[:6000])
    *_, last = pictures(Shard(str(path)))
    assert isinstance(last, Frame)
    assert last.error.startswith(f"{path} cannot be read: ")
    assert "\n" not in last.error
    if file in ("text.parquet", "struct.parquet"):
        assert last.error.endswith("its column 'image' holds no bytes")


def test_row_groups_without_rows_are_skipped(folder: Path) -> None:
    file = folder.parent / "grown.parquet"
    data = (folder / "0.jpg").read_bytes()
    rows = pa.table({"image": 2 * [data], "file": ["0.jpg", "1.jpg"]})
    with pq.ParquetWriter(file, rows.schema) as writer:
        for part in (rows.slice(2), rows.slice(0, 1), rows.slice(2), rows.slice(1)):
            writer.write_table(part)
    found = list(pictures(Shard(str(file))))
    assert [picture.path for picture in found] == [f"{file}/{n:08d}" for n in (0, 1)]
    read = table_rows(file, {"file": "file"}, str(file))
    assert [row["file"] for _, row in read] == ["0.jpg", "1.jpg"]
    pq.write_table(rows.slice(2), file)
    assert not list(pictures(Shard(str(file))))


@pytest.mark.parametrize("damage", ["checksum", "cut"])
def test_a_damaged_header_is_not_the_end_of_a_tar_file(damage: str, folder: Path) -> None:
    file = packed(folder)
    with tarfile.open(file) as archive:
        third = archive.getmembers()[2].offset
    data = bytearray(file.read_bytes())
    data[third] ^= 1
    file.write_bytes(data if damage == "checksum" else data[: third + 200])
    *before, last = pictures(Shard(str(file)))
    assert len(before) == 1
    assert isinstance(last, Frame)
    assert last.error.startswith(f"{file} cannot be read: ")


def test_links_and_other_files_of_a_tar_file_are_not_lost_in_silence(folder: Path) -> None:
    file = folder.parent / "linked.tar"
    (folder / "6.jpg").hardlink_to(folder / "0.jpg")
    (folder / "7.jpg").symlink_to("0.jpg")
    for name in ("a.cr2", "b.zip"):
        (folder / name).touch()
    with tarfile.open(file, "w") as archive:
        for name in ("0.jpg", "6.jpg", "7.jpg", "a.cr2", "b.zip", "notes.txt"):
            archive.add(folder / name, name)
    unread: Counter[str] = Counter()
    first, *links = pictures(Shard(str(file)), unread=unread)
    assert first.path == f"{file}/0.jpg"
    advice = "is a link; pack the files with tar -h --hard-dereference"
    assert [link.error for link in links if isinstance(link, Frame)] == [
        f"{file}/{name} {advice}" for name in ("6.jpg", "7.jpg")
    ]
    assert unread == {".cr2": 1, ".zip": 1}


HOSTILE = {
    "member.tar.gz": (
        partial(hostile.tar_with, name="first.jpg"),
        "first.jpg has 150,000,000 bytes",
        "last.jpg: 4 bytes",
    ),
    "name.tar.gz": (hostile.tar_long_name, "name or attributes have 150,000,000 bytes"),
    "sparse.tar": (hostile.tar_sparse, "holes.jpg is a sparse file"),
    "value.parquet": (hostile.parquet_of_zeros, "column image grows from"),
    "footer.parquet": (hostile.parquet_with_false_footer, "column image grows from"),
    "column.parquet": (
        partial(hostile.parquet_of_zeros, size=30_000, rows=10_000),
        "image grows from",
    ),
    "dictionary.parquet": (
        partial(hostile.parquet_of_zeros, size=2**23, rows=60, dictionary=True),
        *(f"{number:08d}: {2**23} bytes" for number in range(60)),
    ),
}
READ = """
import resource, sys
from genderscope.inference.bulk.archives import Shard, pictures
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for file in sys.argv[1:]:
    for picture in pictures(Shard(file)):
        print(getattr(picture, "error", None) or f"{picture.path}: {len(picture.source)} bytes")
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
sys.exit(grown > 400_000)
"""


def test_kilobytes_that_hold_hundreds_of_megabytes_are_refused(tmp_path: Path) -> None:
    expected, files = [], []
    for name, (make, *words) in HOSTILE.items():
        files.append(make(tmp_path / name))
        assert files[-1].stat().st_size < 2_000_000
        expected += words
    command = [sys.executable, "-c", READ, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for line, words in zip(done.stdout.splitlines(), expected, strict=True):
        assert words in line


def test_standard_input_without_end_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=hostile.Zeros(2**40)))
    [picture] = pictures(Shard(items=("-",)))
    with pytest.raises(PictureError, match="standard input has more than 134,217,728 bytes"):
        picture.fetched()


def test_an_address_that_is_not_there_is_one_error(tmp_path: Path) -> None:
    pytest.importorskip("fsspec", reason="needs the extra [cluster]")
    for address in (f"file://{tmp_path}/nothing", "nowhere://bucket/a.jpg"):
        [picture] = pictures(next(shards([address])))
        assert isinstance(picture, Frame)


def scene(path: str, error: str | None = None) -> Scene:
    return Scene(Frame(path, None if error else np.zeros((2, 2, 3), np.uint8), error))


def test_a_killed_run_leaves_whole_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "PART_PICTURES", 2)
    target = str(tmp_path / "out")
    killed = parquet.create(target)
    for number in range(5):
        killed.write(scene(f"{number}"))
    (tmp_path / "out" / ".half-1").write_bytes(b"cut off")
    assert [path for path, _ in parquet.finished(target)] == ["0", "1", "2", "3"]
    with pytest.raises(UsageError, match="already holds results"):
        parquet.create(target)
    with parquet.create(target, append=True) as sink:
        sink.write(scene("4"))
        sink.write(scene("caf\udce9", "is broken"))
        sink.write(scene("6"))
    assert [path for path, _ in parquet.finished(target)] == [
        "0",
        "1",
        "2",
        "3",
        "4",
        r"caf\xe9",
        "6",
    ]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        parquet.file_name(number) for number in range(4)
    ]
    errors = pq.read_table(target, columns=["error"]).column("error").to_pylist()
    assert errors == [None, None, None, None, None, "is broken", None]


def test_no_pictures_are_one_empty_part(tmp_path: Path) -> None:
    with parquet.create(str(tmp_path / "out")):
        pass
    assert pq.read_table(tmp_path / "out").num_rows == 0


def test_a_folder_of_something_else_is_not_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / parquet.file_name(0)).write_bytes(b"no table")
    with pytest.raises(UsageError, match="is not a part of these results"):
        list(parquet.finished(str(tmp_path)))


@pytest.mark.parametrize("place", ["{}", "file://{}", "memory://{}"])
def test_a_store_keeps_whole_files(place: str, tmp_path: Path) -> None:
    if "memory" in place:
        pytest.importorskip("fsspec", reason="needs the extra [cluster]")
    store = Store(place.format(tmp_path / "a" / "b"))
    assert store.names() == []
    assert store.read("x") is None
    store.write("x", b"1")
    store.write("x", b"2")
    assert store.read("x") == b"2"
    assert store.names() == ["x"]
    with archives.opened(store.path("x")) as stream:
        assert stream.read() == b"2"


def test_a_store_of_an_unknown_kind_is_refused() -> None:
    pytest.importorskip("fsspec", reason="needs the extra [cluster]")
    with pytest.raises(UsageError, match="nowhere://bucket/a cannot be opened: Protocol not known"):
        Store("nowhere://bucket/a")


def test_a_store_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be created"):
        Store(str(tmp_path / "file" / "folder"))
