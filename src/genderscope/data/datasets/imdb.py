"""IMDB (Rothe, Timofte and Van Gool, ICCVW 2015): photographs of actors, their ages and genders."""

from collections.abc import Iterator
from pathlib import Path

from genderscope.core.types import Sample
from genderscope.data.datasets import _imdb_wiki

TITLE = "IMDB"
SIZE = 460_723
SPLITS = _imdb_wiki.SPLITS
LABELS = _imdb_wiki.LABELS
LICENCE = _imdb_wiki.LICENCE
WHERE = _imdb_wiki.WHERE
LAYOUT = """\
imdb/          the original pictures, or imdb_crop/, cut with 40% margin
  imdb.mat     the table, MATLAB v5
  00/ ... 99/  pictures, such as 01/nm0000001_rm124825600_1899-5-10_1968.jpg"""


def read(root: Path, split: str) -> Iterator[Sample]:
    """Stream the rows in the table's order; errors as ``Reader.read``."""
    return _imdb_wiki.read(root, "imdb", split)
