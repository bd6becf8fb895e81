"""UTKFace (Zhang, Song and Qi, CVPR 2017), non-commercial research: evaluate on it, never train.

Labels are in the file names. A few lack a field: these have no label, and reports can name them.
"""

import re
from bisect import bisect
from collections.abc import Iterator
from pathlib import Path

from genderscope.core.errors import DatasetError
from genderscope.core.types import Frame, Sample
from genderscope.data.datasets._checks import check_split
from genderscope.imaging import decode

TITLE = "UTKFace"
SIZE = 23_708
SPLITS = ("all",)
LABELS = "gender, age and race of each face"
LICENCE = "non-commercial research"
WHERE = "https://susanqq.github.io/UTKFace/"
LAYOUT = """\
DIR/                  pictures, in DIR or in folders inside it, named
  [age]_[gender]_[race]_[date].jpg.chip.jpg"""
NAME = re.compile(r"(\d{1,3})_([01])_([0-4])_\d+\.")
RACES = ("White", "Black", "Asian", "Indian", "Others")
# FairFace's age groups, to compare the two data sets.
AGES = {0: "0-2", 3: "3-9", 10: "10-19", 20: "20-29", 30: "30-39", 40: "40-49"}
AGES |= {50: "50-59", 60: "60-69", 70: "more than 70"}
ADULT = 18


def read(root: Path, split: str) -> Iterator[Sample]:
    """Stream all pictures in the order of their paths; errors as ``Reader.read``."""
    check_split("UTKFace", split, SPLITS)
    files = []
    for found in decode.find([root]):
        if isinstance(found, Frame):
            raise DatasetError(found.error)
        if found.suffix == ".jpg":
            files.append(found)
    if not files:
        raise DatasetError(f"{root} holds no .jpg")
    for file in sorted(files):
        if name := NAME.match(file.name):
            age, gender, race = map(int, name.groups())
            group = list(AGES.values())[bisect(list(AGES), age) - 1]
            adult = "18 and older" if age >= ADULT else "younger"
            groups = {"race": RACES[race], "age": group, "adult": adult}
            yield Sample(file, label=1 - gender, age=age, groups=groups)
        else:
            yield Sample(file, label=None)
