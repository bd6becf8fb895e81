"""Labeled Faces in the Wild (Huang et al., 2007), a folder for each person.

The labels are two lists reviewed by Afifi and Abdelhamed (AFIF4, 2017). A picture in neither has no
label; a listed picture without a file is a sample too, so that reports can name it.
"""

from collections.abc import Iterator
from pathlib import Path

from genderscope.core.errors import DatasetError
from genderscope.core.types import Sample
from genderscope.data.datasets._checks import OneLabelEach, check_split, inside

TITLE = "Labeled Faces in the Wild"
SIZE = 13_233
SPLITS = ("all",)
LABELS = "perceived gender of each picture, reviewed by hand; name"
LICENCE = "none stated; published for research"
WHERE = "http://vis-www.cs.umass.edu/lfw/; gender lists: arXiv:1706.04277"
LAYOUT = """\
DIR/
  female_names.txt  one picture's file name a line: Aaron_Eckhart_0001.jpg
  male_names.txt
  lfw/              or lfw_funneled/, lfw-deepfunneled/, or what is in it here
    Aaron_Eckhart/  pictures, such as Aaron_Eckhart_0001.jpg"""
LISTS = {"female_names.txt": 0, "male_names.txt": 1}
FOLDERS = ("lfw", "lfw_funneled", "lfw-deepfunneled", ".")


def read(root: Path, split: str) -> Iterator[Sample]:
    """Stream the pictures by name; errors as ``Reader.read``, and for one in both lists."""
    check_split("LFW", split, SPLITS)
    listed: dict[str, int] = {}
    one_label = OneLabelEach()
    for name, label in LISTS.items():
        if not (root / name).is_file():
            raise DatasetError(f"{root / name} does not exist")
        lines = (root / name).read_text(encoding="utf-8-sig", errors="replace").splitlines()
        for number, line in enumerate(lines, start=1):
            if picture := line.strip():
                inside(root, picture, root / name, f"line {number}")
                one_label.check(Path(picture), label, root, f"line {number} of {name}")
                listed[picture] = label
    folder = next(root / name for name in FOLDERS if (root / name).is_dir())
    pictures = {file.name for file in folder.glob("*/*.jpg")}
    if not pictures:
        raise DatasetError(f"{folder} holds no folders with pictures")
    for picture in sorted(pictures | listed.keys()):
        person = picture.rpartition("_")[0]
        file = folder / person / picture
        yield Sample(file, listed.get(picture), identity=person.replace("_", " "))
