"""Adience: five tables of faces."""

import pytest

from genderscope.core.errors import DatasetError
from genderscope.data.datasets import adience

HEADER = (
    "user_id\toriginal_image\tface_id\tage\tgender\tx\ty\tdx\tdy\ttilt_ang\t"
    "fiducial_yaw_angle\tfiducial_score"
)


def row(age="(25, 32)", gender="f", face=7):
    person = f"30601258@N03\t10399646885_67c7d20df9_o.jpg\t{face}\t{age}\t{gender}"
    return person + "\t0\t414\t1086\t1383\t-115\t30\t17"


def make(root, *rows, folder="faces", header=HEADER):
    (root / folder).mkdir()
    for number in range(5):
        lines = [header, *(rows if number == 0 else [row(face=100 + number)])]
        (root / f"fold_{number}_data.txt").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("folder", "prefix"),
    [("faces", "coarse_tilt_aligned_face"), ("aligned", "landmark_aligned_face")],
)
def test_a_row(tmp_path, folder, prefix):
    make(tmp_path, row(), folder=folder)
    (sample,) = adience.read(tmp_path, "fold_0")
    name = f"{prefix}.7.10399646885_67c7d20df9_o.jpg"
    assert sample.file == tmp_path / folder / "30601258@N03" / name
    assert (sample.label, sample.identity, sample.box) == (0, "30601258@N03/7", None)
    assert sample.groups == {"age": "(25, 32)"}


@pytest.mark.parametrize(("gender", "label"), [("f", 0), ("m", 1), ("u", None), ("", None)])
def test_labels(tmp_path, gender, label):
    make(tmp_path, row(gender=gender))
    assert next(adience.read(tmp_path, "fold_0")).label == label


@pytest.mark.parametrize("age", ["None", ""])
def test_an_unknown_age_is_no_group(tmp_path, age):
    make(tmp_path, row(age=age))
    assert next(adience.read(tmp_path, "fold_0")).groups == {}


def test_folds(tmp_path):
    make(tmp_path, row(face=1), row(face=2))
    faces = [sample.identity.split("/")[1] for sample in adience.read(tmp_path, "all")]
    assert faces == ["1", "2", "101", "102", "103", "104"]
    (only,) = adience.read(tmp_path, "fold_3")
    assert only.identity.endswith("/103")


@pytest.mark.parametrize(
    ("rows", "header", "split", "message"),
    [
        (
            [row(), row(gender="x")],
            HEADER,
            "all",
            r"fold_0_data\.txt, line 3: gender 'x' is unknown",
        ),
        ([row().replace("30601258@N03", "..")], HEADER, "all", "line 2: .* leads out of"),
        (["30601258@N03\tcut"], HEADER, "all", "line 2: the row lacks columns"),
        (
            [row() + "x" * 131_072],
            HEADER,
            "all",
            r"fold_0_data\.txt is not a table: field larger than",
        ),
        (
            ["30601258@N03\ti.jpg\t1\tf"],
            "user_id\toriginal_image\tface_id\tgender\tage",
            "all",
            "line 2: the row lacks columns",
        ),
        ([row()], HEADER.replace("gender", "sex"), "all", "lacks the columns gender"),
        ([row()], HEADER, "fold_5", "no split 'fold_5'; it has: fold_0"),
    ],
)
def test_says_what_is_wrong(tmp_path, rows, header, split, message):
    make(tmp_path, *rows, header=header)
    with pytest.raises(DatasetError, match=message):
        list(adience.read(tmp_path, split))


def test_says_what_is_missing(tmp_path):
    make(tmp_path, row())
    (tmp_path / "fold_4_data.txt").unlink()
    with pytest.raises(DatasetError, match=r"fold_4_data\.txt does not exist"):
        list(adience.read(tmp_path, "all"))
    (tmp_path / "faces").rmdir()
    with pytest.raises(DatasetError, match="holds neither of the folders faces, aligned"):
        list(adience.read(tmp_path, "all"))
