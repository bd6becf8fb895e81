"""Precomputed scores of teachers: tables of predictions, by any method.

``genderscope evaluate --save-predictions`` writes such a table. A long training then runs no
teacher, and a teacher may read other crops than its student, or be no network of ours at all.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from genderscope.core.errors import UsageError
from genderscope.core.types import Floats
from genderscope.data.prepare.crops import Crops
from genderscope.evaluation import predictions

LIMIT = 1e-4  # a score closer to 0 or 1 would outweigh those of all other teachers


def mean(tables: Mapping[str, float], crops: Crops) -> Floats:
    """P(man) for each crop, (n,), from the teachers' mean log-odds, weighted by table. Tables are
    matched by file name.

    A crop without a score in one table has the mean of the others; NaN where no table has a score.
    ``DatasetError`` if a table cannot be read, ``UsageError`` if it has two files of one name, or a
    score for none of the crops.
    """
    total, weights = np.zeros(len(crops)), np.zeros(len(crops))
    for path, weight in tables.items():
        table = predictions.read(Path(path))
        scores = dict(zip((Path(file).name for file in table.files), table.score, strict=True))
        if len(scores) < len(table):
            raise UsageError(f"{path} has several files of one name")
        score = np.array([scores.get(file, np.nan) for file in crops.files])
        scored = ~np.isnan(score)
        if not scored.any():
            raise UsageError(f"{path} has a score for none of the crops in {crops.folder}")
        clipped = score[scored].clip(LIMIT, 1 - LIMIT)
        total[scored] += weight * np.log(clipped / (1 - clipped))
        weights[scored] += weight
    with np.errstate(invalid="ignore"):
        return np.asarray(1 / (1 + np.exp(-total / weights)))
