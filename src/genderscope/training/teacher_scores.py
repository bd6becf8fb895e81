"""Scores of teachers that were computed once: tables of predictions, of any method.

``genderscope evaluate --save-predictions`` writes such a table. A long training then costs no
teacher, and a teacher may read other crops than its student, or be no network of ours at all.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from genderscope.core.errors import UsageError
from genderscope.core.types import Floats
from genderscope.data.prepare.crops import Crops
from genderscope.evaluation import predictions

LIMIT = 1e-4  # a score closer to 0 or 1 would outweigh every other teacher's


def mean(tables: Mapping[str, float], crops: Crops) -> Floats:
    """P(man) for each crop, (n,): the teachers' weighted mean in log-odds.

    A crop that a table does not name, or without a score there, has the mean of the others; NaN
    where no table has a score.

    Args:
        tables: the weight of each table of predictions, by its path. Files are matched by name.

    Raises:
        DatasetError: a table cannot be read.
        UsageError: a table names two files alike, or none of the crops.
    """
    total, weights = np.zeros(len(crops)), np.zeros(len(crops))
    for path, weight in tables.items():
        table = predictions.read(Path(path))
        scores = dict(zip((Path(file).name for file in table.files), table.score, strict=True))
        if len(scores) < len(table):
            raise UsageError(f"{path} has several files of one name")
        score = np.array([scores.get(file, np.nan) for file in crops.files])
        known = ~np.isnan(score)
        if not known.any():
            raise UsageError(f"{path} has a score for none of the crops in {crops.folder}")
        clipped = score[known].clip(LIMIT, 1 - LIMIT)
        total[known] += weight * np.log(clipped / (1 - clipped))
        weights[known] += weight
    with np.errstate(invalid="ignore"):
        return np.asarray(1 / (1 + np.exp(-total / weights)))
