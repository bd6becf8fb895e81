"""The table of IMDB and WIKI (Rothe, Timofte and Van Gool, ICCVW 2015): a MATLAB struct of columns.

The columns are compact arrays, so that reading 460,723 rows takes seconds and little memory.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

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


def read(root: Path, name: str, split: str) -> Iterator[Sample]:
    """Stream the rows of ``root/<name>.mat``; errors as ``Reader.read``.

    A location is [x1 y1 x2 y2] in pixels from 1, both ends included, in the original picture. The
    published crops have the same table, so a folder whose name ends in ``_crop`` has no boxes. A
    face that was not detected has no box and the score -inf, whatever the sign in the table. Ages
    are whole years on 30 June of the photograph's year. Persons of one name count as one, so that
    no split divides a person.
    """
    check_split(name, split, SPLITS)
    file = root / f"{name}.mat"
    table = _struct(file, name)
    try:
        number = {field: np.ravel(table[field]).astype(np.float64) for field in NUMBERS}
        located = _cells(table["face_location"])
        corners = np.array([box if np.shape(box) == (4,) else NOWHERE for box in located], float)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{file}: a numeric field holds something else: {error}") from error
    files, names = (
        [text if isinstance(text, str) else "" for text in _cells(table[field])]
        for field in ("full_path", "name")
    )
    lengths = {field: len(column) for field, column in number.items()}
    lengths |= {"full_path": len(files), "name": len(names), "face_location": len(corners)}
    if len(set(lengths.values())) > 1:
        listing = ", ".join(f"{field} {length:,}" for field, length in lengths.items())
        raise DatasetError(f"{file}: the fields differ in length: {listing}")
    if "" in files:
        raise DatasetError(f"{file}, row {files.index('') + 1}: the file name is empty")
    if out := next((row for row, name in enumerate(files, start=1) if leads_out(name)), None):
        raise DatasetError(f"{file}, row {out}: {files[out - 1]} leads out of {root}")
    gender, score = number["gender"], number["face_score"]
    if (invalid := ~(np.isnan(gender) | (gender == 0) | (gender == 1))).any():
        row = invalid.argmax()
        raise DatasetError(f"{file}, row {row + 1}: gender {gender[row]:g} is not 0, 1 or NaN")
    boxes = _boxes(corners.reshape(-1, 4))
    boxes[np.isinf(score)] = np.nan  # the location is the whole picture
    if root.resolve().name.endswith("_crop"):
        boxes[:] = np.nan
    columns = (
        np.array(files, object),
        gender,
        boxes,
        np.array(names, object),
        _ages(number["dob"], number["photo_taken"]),
        np.where(np.isinf(score), -np.inf, score),
        number["second_face_score"],
    )
    for start in range(0, len(files), CHUNK):
        rows = zip(*(column[start : start + CHUNK].tolist() for column in columns), strict=True)
        for picture, label, box, identity, age, face_score, second_face_score in rows:
            yield Sample(
                file=root / picture,
                label=int(label) if label == label else None,
                box=Box(*box) if box[0] == box[0] else None,
                identity=identity or None,
                age=_optional(age),
                face_score=_optional(face_score),
                second_face_score=_optional(second_face_score),
            )


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
    """A cell array's contents; squeezing has replaced a single cell by its content."""
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


def _optional(number: float) -> float | None:
    return number if number == number else None
