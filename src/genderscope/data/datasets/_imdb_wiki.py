"""The table of IMDB and WIKI (Rothe, Timofte and Van Gool, ICCVW 2015): a MATLAB struct of columns.

The columns become compact arrays, so that reading 460,723 rows takes seconds and little memory.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genderscope.core.errors import DatasetError
from genderscope.core.extras import require
from genderscope.core.types import Box, Floats, Sample
from genderscope.data.datasets._checks import check_split, leads_out

SPLITS = ("all",)
LICENCE = "academic research only"
LABELS = "gender of the profile (some unknown), age, detector scores, box, name"
WHERE = "https://data.vision.ee.ethz.ch/cvl/rrothe/imdb-wiki/"
NUMBERS = ("dob", "photo_taken", "gender", "face_score", "second_face_score")
FIELDS = (*NUMBERS, "full_path", "name", "face_location")
MATLAB_1970 = 719_529  # the serial number of 1970-01-01
OLDEST_YEARS = 122
NOWHERE = np.full(4, np.nan)
CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class Columns:
    """All rows of the table, n of them.

    Attributes:
        files: (n,) str, relative to ``folder``.
        labels: (n,) int8, index into ``LABELS``, -1 where unknown.
        boxes: (n, 4) float64: x, y, width, height in pixels from 0; NaN without a box.
        ages: (n,) float64, whole years on 1 July of the photograph's year; NaN where unknown.
        face_scores: (n,) float64; infinite where no face was detected.
        second_face_scores: (n,) float64; NaN where no second face was detected.
        identities: (n,) int32, index into ``names``, -1 where unknown.
        names: of the persons; namesakes are one, so that no split divides a person.
    """

    folder: Path
    files: npt.NDArray[np.object_]
    labels: npt.NDArray[np.int8]
    boxes: Floats
    ages: Floats
    face_scores: Floats
    second_face_scores: Floats
    identities: npt.NDArray[np.int32]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.files)

    def samples(self) -> Iterator[Sample]:
        """Stream the rows. A face that was not detected has the score -inf, whatever its sign."""
        columns = (
            self.files,
            self.labels,
            self.boxes,
            self.ages,
            np.where(np.isinf(self.face_scores), -np.inf, self.face_scores),
            self.second_face_scores,
            self.identities,
        )
        for start in range(0, len(self), CHUNK):
            rows = zip(*(column[start : start + CHUNK].tolist() for column in columns), strict=True)
            for file, label, box, age, score, second_score, identity in rows:
                yield Sample(
                    file=self.folder / file,
                    label=None if label < 0 else label,
                    box=Box(*box) if box[0] == box[0] else None,
                    identity=None if identity < 0 else self.names[identity],
                    age=_known(age),
                    face_score=_known(score),
                    second_face_score=_known(second_score),
                )


def columns(root: Path, name: str) -> Columns:
    """Read ``root/<name>.mat``; errors as ``Reader.read``.

    A location is [x1 y1 x2 y2] in pixels from 1, both ends included, in the original picture. The
    published crops have the same table, so a folder whose name ends in ``_crop`` has no boxes.
    """
    file = root / f"{name}.mat"
    table = _struct(file, name)
    try:
        number = {field: np.atleast_1d(table[field]).astype(np.float64) for field in NUMBERS}
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{file}: a numeric field holds something else: {error}") from error
    files, names = (
        [text if isinstance(text, str) else "" for text in _cells(table[field])]
        for field in ("full_path", "name")
    )
    corners = [box if np.shape(box) == (4,) else NOWHERE for box in _cells(table["face_location"])]
    lengths = {field: len(column) for field, column in number.items()}
    lengths |= {"full_path": len(files), "name": len(names), "face_location": len(corners)}
    if len(set(lengths.values())) > 1:
        listing = ", ".join(f"{field} {length:,}" for field, length in lengths.items())
        raise DatasetError(f"{file}: the fields differ in length: {listing}")
    if "" in files:
        raise DatasetError(f"{file}, row {files.index('') + 1}: no file is named")
    if out := next((row for row, name in enumerate(files, start=1) if leads_out(name)), None):
        raise DatasetError(f"{file}, row {out}: {files[out - 1]} leads out of {root}")
    gender = number["gender"]
    if (odd := ~(np.isnan(gender) | (gender == 0) | (gender == 1))).any():
        row = odd.argmax()
        raise DatasetError(f"{file}, row {row + 1}: gender {gender[row]:g} is not 0, 1 or NaN")
    index: dict[str, int] = {}
    identities = [index.setdefault(name, len(index)) if name else -1 for name in names]
    ages = _ages(number["dob"], number["photo_taken"])
    detected = ~np.isinf(number["face_score"])
    boxes = _boxes(np.array(corners, np.float64).reshape(-1, 4))
    boxes[~detected] = np.nan  # the location is the whole picture's
    if root.resolve().name.endswith("_crop"):
        boxes[:] = np.nan
    return Columns(
        folder=root,
        files=np.array(files, object),
        labels=np.where(np.isnan(gender), -1, gender).astype(np.int8),
        boxes=boxes,
        ages=ages,
        face_scores=number["face_score"],
        second_face_scores=number["second_face_score"],
        identities=np.array(identities, np.int32),
        names=tuple(index),
    )


def read(root: Path, name: str, split: str) -> Iterator[Sample]:
    """Stream the rows of ``columns``."""
    check_split(name, split, SPLITS)
    yield from columns(root, name).samples()


def _struct(file: Path, name: str) -> dict[str, Any]:  # SciPy gives arrays, texts or numbers
    """The fields of the struct ``name``, squeezed: a char array is a str, a row a vector."""
    if not file.is_file():
        raise DatasetError(f"{file} does not exist")
    with file.open("rb") as stream:
        start = stream.read(128)
    if start.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise DatasetError(f"{file} is a MATLAB v7.3 file; save it in MATLAB with save(..., '-v7')")
    scipy_io = require("scipy.io", "eval")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "Unreadable variable")
            variables = scipy_io.loadmat(file, squeeze_me=True)
    except Exception as error:  # SciPy's errors on broken bytes have no common root
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DatasetError(
            f"{file} is not a complete MATLAB v5 file ({reason}); download it again"
        ) from error
    table = variables.get(name)
    if getattr(table, "shape", None) != () or table.dtype.names is None:
        others = ", ".join(key for key in variables if not key.startswith("__"))
        raise DatasetError(f"{file} holds no struct {name!r}; it holds: {others or 'nothing'}")
    if missing := [field for field in FIELDS if field not in table.dtype.names]:
        fields = ", ".join(table.dtype.names)
        raise DatasetError(f"{file} lacks the fields {', '.join(missing)}; it has: {fields}")
    return {field: table[field].item() for field in FIELDS}


def _cells(value: Any) -> list[Any]:
    """A cell array's contents; squeezing replaced a single cell by its content."""
    cells = isinstance(value, np.ndarray) and value.dtype.hasobject
    return list(value) if cells else [value]


def _ages(birth_day: Floats, photo_year: Floats) -> Floats:
    days = np.floor(birth_day) - MATLAB_1970
    days[~(np.abs(days) < 1e6)] = np.nan
    birth = np.nan_to_num(days).astype("datetime64[D]")
    year = birth.astype("datetime64[Y]").astype(int) + 1970
    month = birth.astype("datetime64[M]").astype(int) % 12 + 1
    ages = photo_year - year - (month >= 7)
    ages[np.isnan(days) | ~((ages >= 0) & (ages <= OLDEST_YEARS))] = np.nan
    return np.asarray(ages, np.float64)


def _boxes(corners: Floats) -> Floats:
    left, top, right, bottom = corners.T
    boxes = np.stack([left - 1, top - 1, right - left + 1, bottom - top + 1], axis=1)
    usable = np.isfinite(corners).all(axis=1)
    usable &= (left >= 1) & (top >= 1) & (right > left) & (bottom > top)
    boxes[~usable] = np.nan
    return boxes


def _known(number: float) -> float | None:
    return number if number == number else None
