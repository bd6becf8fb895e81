"""IMDB and WIKI: the table as it is published, and as it can be broken."""

import numpy as np
import pytest

from genderscope.core import plugins
from genderscope.core.errors import DatasetError
from genderscope.core.types import Box
from genderscope.data import datasets
from genderscope.data.datasets import _imdb_wiki, imdb
from imdb_mat import table, write

scipy_io = pytest.importorskip("scipy.io", reason="needs the eval extra")

BORN = 718_000.0  # 1965-10-25
ROW = {
    "dob": BORN,
    "photo_taken": 2000,
    "full_path": "01/nm1_rm1_1965-10-25_2000.jpg",
    "gender": 1.0,
    "name": "Ann Lee",
    "face_location": [11.0, 21.0, 110.0, 140.0],
    "face_score": 4.5,
    "second_face_score": np.nan,
}


def save(root, *rows, name="imdb", do_compression=True, **more):
    """SciPy's own file of rows that differ from ROW in some fields; returns it."""
    rows = [ROW | row for row in rows]
    columns = {}
    for field, usual in ROW.items():
        values = [row[field] for row in rows]
        if isinstance(usual, float | int):
            columns[field] = np.array([values])
        else:
            columns[field] = np.empty((1, len(rows)), object)
            for index, value in enumerate(values):
                columns[field][0, index] = value if isinstance(value, str) else np.array([value])
    file = root / f"{name}.mat"
    scipy_io.savemat(file, {name: columns | more}, do_compression=do_compression)
    return file


def one(root, **changes):
    """The sample of the changed row, once alone in the table and once beside another."""
    save(root, changes)
    (alone,) = imdb.read(root, "all")
    save(root, {}, changes)
    assert list(imdb.read(root, "all"))[1] == alone
    return alone


def test_a_row(tmp_path):
    sample = one(tmp_path)
    assert sample.file == tmp_path / "01" / "nm1_rm1_1965-10-25_2000.jpg"
    assert (sample.label, sample.identity, sample.age) == (1, "Ann Lee", 34)
    assert (sample.face_score, sample.second_face_score) == (4.5, None)
    assert sample.box == Box(10, 20, 100, 120)


@pytest.mark.parametrize(
    ("field", "value", "attribute", "meant"),
    [
        ("gender", 0.0, "label", 0),
        ("gender", np.nan, "label", None),
        ("name", "", "identity", None),
        ("name", "Zoë Łuk", "identity", "Zoë Łuk"),
        ("second_face_score", 1.5, "second_face_score", 1.5),
        ("face_score", -np.inf, "face_score", -np.inf),
        ("face_score", np.inf, "face_score", -np.inf),
        ("face_score", np.nan, "face_score", None),
        ("face_score", -np.inf, "box", None),
        ("face_location", [1, 1, 200, 100], "box", Box(0, 0, 200, 100)),  # saved as uint8
        ("face_location", [0.0, 1.0, 50.0, 50.0], "box", None),
        ("face_location", [1.0, -3.0, 50.0, 50.0], "box", None),
        ("face_location", [50.0, 1.0, 50.0, 50.0], "box", None),
        ("face_location", [1.0, 50.0, 50.0, 40.0], "box", None),
        ("face_location", [1.0, 1.0, np.nan, 50.0], "box", None),
        ("face_location", [1.0, 1.0, np.inf, 50.0], "box", None),
        ("face_location", [1.0, 1.0], "box", None),
        ("dob", 717_884.0, "age", 34),  # 1965-07-01: 35 only in the year's second half
        ("dob", 717_883.75, "age", 35),  # 1965-06-30, 18:00
        ("dob", 47.0, "age", None),
        ("dob", 0.0, "age", None),
        ("dob", np.nan, "age", None),
        ("dob", np.inf, "age", None),
        ("dob", -1e300, "age", None),
        ("photo_taken", 1950, "age", None),
        ("photo_taken", 1965, "age", None),
        ("photo_taken", 1966, "age", 0),
    ],
)
def test_fields(tmp_path, field, value, attribute, meant):
    assert getattr(one(tmp_path, **{field: value}), attribute) == meant


def test_rows_without_a_box_or_an_age(tmp_path):
    save(
        tmp_path,
        {},
        {"face_location": [0.0, 1.0, 50.0, 50.0]},
        {"dob": np.nan},
        {"face_location": [9.0, 9.0, 9.0, 9.0]},
        {"face_location": [9.0, 9.0, 9.0, 9.0], "face_score": -np.inf},
    )
    samples = list(datasets.read(f"imdb:{tmp_path}", "all"))
    assert [sample.box is None for sample in samples] == [False, True, False, True, True]
    assert [sample.age is None for sample in samples] == [False, False, True, False, False]


def test_the_published_crops_have_no_boxes(tmp_path):
    root = tmp_path / "imdb_crop"
    root.mkdir()
    save(root, {})
    (sample,) = datasets.read(f"imdb:{root}", "all")
    assert sample.box is None


def test_wiki(tmp_path):
    save(tmp_path, {"name": "A"}, {"name": "B"}, {"name": "A"}, name="wiki")
    samples = list(datasets.read(f"wiki:{tmp_path}", "all"))
    assert [sample.identity for sample in samples] == ["A", "B", "A"]
    with pytest.raises(DatasetError, match=r"imdb\.mat does not exist"):
        list(datasets.read(f"imdb:{tmp_path}", "all"))


def test_many_rows_are_those_of_an_independent_reading(tmp_path):
    columns = table(rows=25_000)
    write(tmp_path / "imdb.mat", columns)
    samples = list(imdb.read(tmp_path, "all"))
    assert [str(sample.file.relative_to(tmp_path)) for sample in samples] == columns["full_path"]
    assert [sample.identity for sample in samples] == columns["name"]
    labels = [np.nan if sample.label is None else sample.label for sample in samples]
    np.testing.assert_array_equal(labels, columns["gender"])
    second = [sample.second_face_score for sample in samples]
    np.testing.assert_array_equal(np.array(second, float), columns["second_face_score"])
    assert sum(sample.box is None for sample in samples) == sum(
        score == -np.inf or corner[0] < 1
        for score, corner in zip(columns["face_score"], columns["face_location"], strict=True)
    )


def test_the_fast_writer_writes_what_scipy_would(tmp_path):
    columns = table(rows=50)
    columns["celeb_names"] = columns["celeb_names"][:3]
    write(tmp_path / "fast.mat", columns)
    for field, values in columns.items():
        if isinstance(values, list):
            columns[field] = np.empty((1, len(values)), object)
            for index, value in enumerate(values):
                columns[field][0, index] = value
    scipy_io.savemat(tmp_path / "slow.mat", {"imdb": columns}, oned_as="row")
    fast, slow = (scipy_io.loadmat(tmp_path / f"{name}.mat")["imdb"] for name in ("fast", "slow"))
    assert fast.dtype == slow.dtype
    for field in columns:
        np.testing.assert_equal(*(held[field][0, 0].ravel().tolist() for held in (fast, slow)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gender": 2.0}, r"imdb\.mat, row 2: gender 2 is not 0, 1 or NaN"),
        ({"full_path": ""}, r"imdb\.mat, row 2: the file name is empty"),
        ({"full_path": "01/../../x.jpg"}, r"imdb\.mat, row 2: 01/\.\./\.\./x\.jpg leads out of"),
        ({"face_location": list("abcd")}, r"imdb\.mat: a numeric field holds something else"),
        ({"full_path": "/etc/x.jpg"}, r"imdb\.mat, row 2: /etc/x\.jpg leads out of"),
    ],
)
def test_says_which_row_is_wrong(tmp_path, changes, message):
    save(tmp_path, {}, changes)
    with pytest.raises(DatasetError, match=message):
        list(_imdb_wiki.read(tmp_path, "imdb", "all"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"gender": np.array([[1.0]])}, "differ in length: dob 2, photo_taken 2, gender 1, "),
        ({"dob": "long ago"}, r"imdb\.mat: a numeric field holds something else"),
        ({"face_score": np.ones((2, 2))}, "differ in length: .* face_score 4, "),
    ],
)
def test_says_which_field_is_wrong(tmp_path, fields, message):
    save(tmp_path, {}, {}, **fields)
    with pytest.raises(DatasetError, match=message):
        list(_imdb_wiki.read(tmp_path, "imdb", "all"))


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ({"wiki": {"dob": 1.0}}, "holds no struct 'imdb'; it holds: wiki"),
        ({"imdb": np.arange(3)}, "holds no struct 'imdb'; it holds: imdb"),
        ({"imdb": {"dob": 1.0, "age": 2.0}}, "lacks the fields photo_taken, .*; it has: dob, age"),
    ],
)
def test_says_what_another_file_holds(tmp_path, held, message):
    scipy_io.savemat(tmp_path / "imdb.mat", held)
    with pytest.raises(DatasetError, match=message):
        list(_imdb_wiki.read(tmp_path, "imdb", "all"))


@pytest.mark.parametrize("share", [0, 0.001, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("do_compression", [True, False])
def test_a_truncated_file(tmp_path, share, do_compression):
    file = save(tmp_path, *[{}] * 300, do_compression=do_compression)
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])
    with pytest.raises(
        DatasetError, match=r"imdb\.mat (is not a complete MATLAB v5 file|holds no struct)"
    ):
        list(_imdb_wiki.read(tmp_path, "imdb", "all"))


def test_a_text_file(tmp_path):
    (tmp_path / "imdb.mat").write_text("not found\n" * 100)
    with pytest.raises(DatasetError, match="is not a complete MATLAB v5 file"):
        list(_imdb_wiki.read(tmp_path, "imdb", "all"))


@pytest.mark.parametrize("start", [b"MATLAB 7.3 MAT-file, Platform: GLNXA64", b"\x89HDF\r\n\x1a\n"])
def test_a_version_7_3_file(tmp_path, start):
    (tmp_path / "imdb.mat").write_bytes(start.ljust(600))
    with pytest.raises(
        DatasetError, match=r"v7\.3 file; save it in MATLAB with save\(..., '-v7'\)"
    ):
        list(_imdb_wiki.read(tmp_path, "imdb", "all"))


def test_refuses_another_split_and_offers_no_shared_module(tmp_path):
    save(tmp_path, {})
    with pytest.raises(DatasetError, match="no split 'train'; it has: all"):
        list(imdb.read(tmp_path, "train"))
    assert {"imdb", "wiki"} <= set(plugins.names("data.datasets"))
    assert not [name for name in plugins.names("data.datasets") if name.startswith("_")]
