"""WIKI (Rothe, Timofte and Van Gool, ICCVW 2015): portraits of Wikipedia, ages and genders."""

from collections.abc import Iterator
from pathlib import Path

from genderscope.core.types import Sample
from genderscope.data.datasets import _imdb_wiki

TITLE = "WIKI"
SIZE = 62_328
SPLITS = _imdb_wiki.SPLITS
LABELS = _imdb_wiki.LABELS
LICENCE = _imdb_wiki.LICENCE
WHERE = _imdb_wiki.WHERE
LAYOUT = """\
wiki/          the original pictures, or wiki_crop/, cut with 40% margin
  wiki.mat     the table, MATLAB v5
  00/ ... 99/  pictures, such as 17/10000217_1981-05-05_2009.jpg"""


def read(root: Path, split: str) -> Iterator[Sample]:
    """Stream the rows in the table's order; errors as ``Reader.read``."""
    return _imdb_wiki.read(root, "wiki", split)
