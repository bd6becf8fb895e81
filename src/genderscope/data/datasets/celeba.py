"""CelebA (Liu et al., ICCV 2015): celebrities with forty attributes of each picture.

``Male`` is the label; the other attributes become groups for an audit, each ``yes`` or ``no``.
"""

from collections.abc import Iterator
from pathlib import Path

from genderscope.core.errors import DatasetError
from genderscope.core.types import Sample
from genderscope.data.datasets._checks import OneLabelEach, check_split, inside

TITLE = "CelebA"
SIZE = 202_599
SPLITS = ("all", "train", "val", "test")
LABELS = "gender and 39 other attributes of each picture, person"
LICENCE = "non-commercial research"
WHERE = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
LAYOUT = """\
DIR/  the files here, or in Anno/, Eval/ and Img/ as published
  list_attr_celeba.txt
  list_eval_partition.txt    train, val and test; not needed for all
  identity_CelebA.txt        may be absent: then identities are unknown
  img_align_celeba/   pictures, such as 000001.jpg"""
PARTITIONS = {"train": "0", "val": "1", "test": "2"}
PICTURES = "img_align_celeba"
TABLES = ("list_attr_celeba.txt", "list_eval_partition.txt", "identity_CelebA.txt")
FOLDERS = (".", "Anno", "Eval", "Img")
ANSWERS = {"-1": "no", "1": "yes"}


def read(root: Path, split: str) -> Iterator[Sample]:
    """Stream one part in the table's order; errors as ``Reader.read``."""
    check_split("CelebA", split, SPLITS)
    table, parts, persons, pictures = (_find(root, name) for name in (*TABLES, PICTURES))
    for needed in (table, pictures, *([] if split == "all" else [parts])):
        if not needed.exists():
            raise DatasetError(f"{needed} does not exist, nor in {', '.join(FOLDERS[1:])}")
    partition = None if split == "all" else _pairs(parts)
    identities = _pairs(persons) if persons.exists() else None
    one_label, number = OneLabelEach(), 2
    with table.open(encoding="utf-8", errors="replace") as lines:
        rows = next(lines, "").strip()
        names = next(lines, "").split()
        if "Male" not in names:
            raise DatasetError(f"{table}, line 2: there is no attribute Male in {names}")
        for number, line in enumerate(lines, start=3):
            picture, *answers = line.split() or [""]
            if len(answers) != len(names) or not ANSWERS.keys() >= set(answers):
                raise DatasetError(f"{table}, line {number}: not a name and {len(names)} of -1, 1")
            file = inside(pictures, picture, table, f"line {number}")
            if _value(partition, picture, parts) != PARTITIONS.get(split):
                continue
            groups = {name: ANSWERS[answer] for name, answer in zip(names, answers, strict=True)}
            label = int(groups.pop("Male") == "yes")
            one_label.check(file, label, table, f"line {number}")
            yield Sample(file, label, identity=_value(identities, picture, persons), groups=groups)
    if rows.isdecimal() and number - 2 < int(rows):
        raise DatasetError(
            f"{table} has {number - 2:,} of the {int(rows):,} rows that its first line states: "
            "download it again, or correct that line"
        )


def _find(root: Path, name: str) -> Path:
    candidates = (root / folder / name for folder in FOLDERS)
    return next(filter(Path.exists, candidates), root / name)


def _pairs(file: Path) -> dict[str, str]:
    """A table of two columns: a picture and its value."""
    pairs = {}
    with file.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            match line.split():
                case [picture, value]:
                    pairs[picture] = value
                case _:
                    raise DatasetError(f"{file}, line {number}: not a picture and one value")
    return pairs


def _value(pairs: dict[str, str] | None, picture: str, table: Path) -> str | None:
    """A picture's value, None if the table is not used; ``DatasetError`` if it is cut off."""
    if pairs is not None and picture not in pairs:
        raise DatasetError(f"{table} lacks {picture}: download it again, or add the picture")
    return None if pairs is None else pairs[picture]
