"""Pictures behind addresses whose storage leaves out a part of the address."""

from collections import Counter
from pathlib import Path
from zipfile import ZipFile

import pytest

from genderscope.imaging.decode import Encoded
from genderscope.inference.bulk.archives import pictures, shards

pytest.importorskip("fsspec", reason="needs the extra [cluster]")


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    file = tmp_path / "packed.zip"
    with ZipFile(file, "w") as archive:
        for name in ("a.jpg", "b/c d.jpg", "b/.thumbnails/c.jpg", "b/film.mp4"):
            archive.writestr(name, name)
    return file


@pytest.mark.parametrize(
    ("inner", "names"),
    [
        ("", ["a.jpg", "b/c d.jpg"]),
        ("b", ["b/c d.jpg"]),
        ("b/", ["b/c d.jpg"]),
        ("a.jpg", ["a.jpg"]),
        ("*/c*.jpg", ["b/c d.jpg"]),
    ],
)
def test_a_picture_keeps_the_whole_address(inner: str, names: list[str], packed: Path) -> None:
    unread: Counter[str] = Counter()
    found = [
        picture
        for shard in shards([f"zip://{inner}::file://{packed}"], unread=unread)
        for picture in pictures(shard)
    ]
    assert [picture.path for picture in found] == [f"zip://{x}::file://{packed}" for x in names]
    contents = [picture.fetched() for picture in found if isinstance(picture, Encoded)]
    assert contents == [name.encode() for name in names]
    assert unread == ({".mp4": 1} if inner in ("", "b", "b/") else {})
