"""Your own pictures in a folder for each class: ``woman`` and ``man``.

``women``, ``female``, ``men`` and ``male`` work too, in any case and at any depth; the innermost
counts. A picture outside them has no label, and reports can name it. A split is ``all``, or
the name of a sub-folder such as ``val``.
"""

from collections.abc import Iterator
from pathlib import Path

from genderscope.core.errors import DatasetError
from genderscope.core.types import Frame, Sample
from genderscope.imaging import decode

TITLE = "Your own folders"
SIZE = None
SPLITS = ("all",)
LABELS = "the folders' names"
LICENCE = "not stated"
WHERE = "yours"
LAYOUT = """\
DIR/      a sub-folder such as train/ or val/ is a split of that name
  woman/  pictures, at any depth; or women/, female/
  man/    or men/, male/"""
WORDS = {"woman": 0, "women": 0, "female": 0, "man": 1, "men": 1, "male": 1}


def read(root: Path, split: str) -> Iterator[Sample]:
    """Stream the pictures, a folder's before those of the folders inside it, sorted by name;
    ``DatasetError`` if the folder is missing or cannot be read, or no picture has a label.
    """
    base = root if split in SPLITS else root / split
    if not base.is_dir():
        raise DatasetError(f"{base} is not a folder; a split is all or the name of a sub-folder")
    samples = []
    for file in decode.find([base]):
        if isinstance(file, Frame):
            raise DatasetError(file.error)
        samples.append(Sample(file, _label(file.relative_to(base))))
    if all(sample.label is None for sample in samples):
        raise DatasetError(f"{base} holds no pictures in folders named {', '.join(WORDS)}")
    yield from samples


def _label(file: Path) -> int | None:
    words = (parent.name.lower() for parent in file.parents)
    return next((WORDS[word] for word in words if word in WORDS), None)
