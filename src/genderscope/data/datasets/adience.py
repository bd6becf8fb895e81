"""Adience (Eidinger, Enbar and Hassner, 2014): unfiltered photographs, in five folds by person.

The tables' boxes are of unpublished originals, so a sample, an upright crop, has no box.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

from genderscope.core.errors import DatasetError
from genderscope.core.types import Sample
from genderscope.data.datasets._checks import check_split, inside

TITLE = "Adience"
SIZE = 19_370
SPLITS = (*(f"fold_{number}" for number in range(5)), "all")
LABELS = "gender of each face (some unknown), age group, person"
LICENCE = "academic research only, on request"
WHERE = "https://talhassner.github.io/home/projects/Adience/Adience-data.html"
LAYOUT = """\
DIR/
  fold_0_data.txt ... fold_4_data.txt    tables, separated by tabs
  faces/USER/coarse_tilt_aligned_face.FACE.IMAGE  pictures, or the aligned ones:
  aligned/USER/landmark_aligned_face.FACE.IMAGE"""
COLUMNS = ("user_id", "original_image", "face_id", "age", "gender")
GENDERS = {"f": 0, "m": 1, "u": None, "": None}
PREFIXES = {"faces": "coarse_tilt_aligned_face", "aligned": "landmark_aligned_face"}


def read(root: Path, split: str) -> Iterator[Sample]:
    """Stream a fold, or all, in the tables' order; errors as ``Reader.read``."""
    check_split("Adience", split, SPLITS)
    folder = next((name for name in PREFIXES if (root / name).is_dir()), None)
    if folder is None:
        raise DatasetError(f"{root} holds neither of the folders {', '.join(PREFIXES)}")
    for fold in SPLITS[:-1] if split == "all" else (split,):
        yield from _fold(root / f"{fold}_data.txt", root / folder, PREFIXES[folder])


def _fold(table: Path, folder: Path, prefix: str) -> Iterator[Sample]:
    if not table.is_file():
        raise DatasetError(f"{table} does not exist")
    try:
        with table.open(newline="", encoding="utf-8-sig", errors="replace") as lines:
            rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
                raise DatasetError(f"{table} lacks the columns {', '.join(missing)}")
            for row in rows:
                user, image, face, age, gender = values = [row[name] for name in COLUMNS]
                if None in values:
                    raise DatasetError(f"{table}, line {rows.line_num}: the row lacks columns")
                if gender not in GENDERS:
                    raise DatasetError(
                        f"{table}, line {rows.line_num}: gender {gender!r} is unknown; there are: "
                        "f, m, u or nothing"
                    )
                picture = f"{user}/{prefix}.{face}.{image}"
                yield Sample(
                    inside(folder, picture, table, f"line {rows.line_num}"),
                    GENDERS[gender],
                    identity=f"{user}/{face}",
                    groups={"age": age} if age not in ("", "None") else {},
                )
    except csv.Error as error:  # such as a field that is too long
        raise DatasetError(f"{table} is not a table: {error}") from error
