"""FairFace (Karkkainen and Joo, WACV 2021), CC BY 4.0: balanced over seven race groups."""

import csv
from collections.abc import Iterator
from pathlib import Path

from genderscope.core.errors import DatasetError
from genderscope.core.types import Sample
from genderscope.data.datasets._labels import OneLabelEach, inside

TITLE = "FairFace"
SIZE = 97_698
SPLITS = ("train", "val")
LABELS = "perceived gender, race and age group of each face"
LICENCE = "CC BY 4.0"
WHERE = "https://github.com/joojs/fairface"
LAYOUT = """\
DIR/
  fairface_label_train.csv
  fairface_label_val.csv
  train/              pictures, such as 1.jpg
  val/"""
COLUMNS = ("file", "age", "gender", "race")
GENDERS = {"Female": 0, "Male": 1}
ADULTS = ("20-29", "30-39", "40-49", "50-59")
# A spreadsheet once turned these age groups of the public tables into dates.
MENDED_AGES = {"03-Sep": "3-9", "3-Sep": "3-9", "Oct-19": "10-19", "19-Oct": "10-19"}


def read(root: Path, split: str) -> Iterator[Sample]:
    """Stream one split in the table's order.

    Raises:
        DatasetError: there is no such table, or a row of it cannot be meant.
    """
    table = root / f"fairface_label_{split}.csv"
    if split not in SPLITS or not table.is_file():
        raise DatasetError(f"{table} is not there; the splits are {', '.join(SPLITS)}")
    with table.open(newline="", encoding="utf-8-sig") as lines:
        rows = csv.DictReader(lines)
        if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
            raise DatasetError(f"{table} lacks the columns {', '.join(missing)}")
        one_label = OneLabelEach()
        for number, row in enumerate(rows, start=2):
            if row["gender"] not in GENDERS:
                raise DatasetError(f"{table}, line {number}: gender {row['gender']!r} is unknown")
            label, where = GENDERS[row["gender"]], f"line {number}"
            file = inside(root, row["file"], table, where)
            one_label.check(file, label, table, where)
            age = MENDED_AGES.get(row["age"], row["age"])
            adult = "20-59" if age in ADULTS else "other"
            yield Sample(file, label, groups={"race": row["race"], "age": age, "adult": adult})
