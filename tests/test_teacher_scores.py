"""Tables of teachers' scores: matched by file name, averaged in log-odds."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from genderscope.core.errors import UsageError
from genderscope.training.teacher_scores import LIMIT, mean


@dataclass
class Cache:
    """What ``mean`` reads of crops."""

    files: tuple[str, ...] = ("1.jpg", "2.jpg", "3.jpg")
    folder: Path = Path("cache")

    def __len__(self) -> int:
        return len(self.files)


def table(path: Path, scores: dict[str, object]) -> str:
    rows = [f"{file},,,{score}" for file, score in scores.items()]
    path.write_text("\n".join(["file,label,prediction,score", *rows]))
    return str(path)


def test_one_table_gives_its_scores(tmp_path):
    one = table(tmp_path / "a.csv", {"train/2.jpg": 0.9, "train/1.jpg": 0.2, "train/9.jpg": 0.5})
    np.testing.assert_allclose(mean({one: 0.7}, Cache()), [0.2, 0.9, np.nan])


def test_several_are_averaged_in_log_odds_by_their_weights(tmp_path):
    one = table(tmp_path / "a.csv", {"1.jpg": 0.9, "2.jpg": 0.6})
    other = table(tmp_path / "b.csv", {"1.jpg": 0.2, "2.jpg": "", "3.jpg": 0.3})
    odds = np.exp(0.75 * np.log(0.9 / 0.1) + 0.25 * np.log(0.2 / 0.8))
    expected = [odds / (1 + odds), 0.6, 0.3]
    np.testing.assert_allclose(mean({one: 3, other: 1}, Cache()), expected)


def test_a_certain_teacher_does_not_outweigh_the_others(tmp_path):
    one = table(tmp_path / "a.csv", {"1.jpg": 1})
    assert mean({one: 1}, Cache())[0] == pytest.approx(1 - LIMIT)


def test_without_tables_nothing_is_known():
    assert np.isnan(mean({}, Cache())).all()


@pytest.mark.parametrize(
    ("files", "message"),
    [(("a/1.jpg", "b/1.jpg"), "several files of one name"), (("7.jpg",), "for none of the crops")],
)
def test_a_table_that_does_not_fit_is_refused(files, message, tmp_path):
    one = table(tmp_path / "a.csv", dict.fromkeys(files, 0.5))
    with pytest.raises(UsageError, match=message):
        mean({one: 1}, Cache())
