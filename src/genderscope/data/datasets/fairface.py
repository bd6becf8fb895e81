"""FairFace (Karkkainen and Joo, WACV 2021), CC BY 4.0: balanced over seven race groups."""

from collections.abc import Iterator
from pathlib import Path

from genderscope.core.errors import DatasetError
from genderscope.core.types import Sample
from genderscope.data.datasets import table
from genderscope.data.datasets._checks import OneLabelEach, inside

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
# Age groups of the public tables that a spreadsheet turned into dates.
REPAIRED_AGES = {"03-Sep": "3-9", "3-Sep": "3-9", "Oct-19": "10-19", "19-Oct": "10-19"}


def read(root: Path, split: str) -> Iterator[Sample]:
    """Stream one split in the table's order; errors as ``Reader.read``."""
    csv_file = root / f"fairface_label_{split}.csv"
    if split not in SPLITS or not csv_file.is_file():
        raise DatasetError(f"{csv_file} does not exist; the splits are {', '.join(SPLITS)}")
    one_label = OneLabelEach()
    for where, row in table.rows(csv_file, dict(zip(COLUMNS, COLUMNS, strict=True))):
        if row["gender"] not in GENDERS:
            raise DatasetError(f"{csv_file}, {where}: gender {row['gender']!r} is unknown")
        label, file = GENDERS[row["gender"]], inside(root, row["file"], csv_file, where)
        one_label.check(file, label, csv_file, where)
        age = REPAIRED_AGES.get(row["age"], row["age"])
        adult = "20-59" if age in ADULTS else "other"
        yield Sample(file, label, groups={"race": row["race"], "age": age, "adult": adult})
