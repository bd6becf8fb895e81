"""Made-up tables of IMDB's layout, as large as the published one: MATLAB v5 files.

SciPy's own writer would take a minute for 460,723 rows; this one takes seconds, and a test holds
what it writes against SciPy's.
"""

import struct
import zlib

import numpy as np

PUBLISHED_ROWS = 460_723
CELEBRITIES = 20_284
HEADER = b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x01IM"
COMPRESSED, MATRIX, INT8, INT32, UINT16, UINT32, DOUBLE = 15, 14, 1, 5, 4, 6, 9
CELL, STRUCT, CHARACTERS, DOUBLES = 1, 2, 4, 6
NAMELESS = struct.Struct("<12I")


def table(rows, seed=0):
    """The ten fields: 2% without gender, 10% without a face, half with a second one, odd dates."""
    random = np.random.default_rng(seed)
    person = random.integers(0, CELEBRITIES, rows)
    year = random.integers(1960, 2016, rows)
    birth_day = 719_529 + 365.2425 * (year - 1970 - random.uniform(0, 90, rows))
    odd = random.random(rows) < 0.01
    birth_day[odd] = random.choice([0, 47, np.nan, 750_000], odd.sum())
    gender = (person % 5 < 3).astype(float)
    gender[random.random(rows) < 0.02] = np.nan
    score = random.normal(3.5, 1.5, rows)
    second_score = np.where(random.random(rows) < 0.5, random.normal(2, 1, rows), np.nan)
    corner = random.uniform(1, 300, (rows, 2))
    location = np.hstack([corner, corner + random.uniform(20, 200, (rows, 1))])
    faceless = random.random(rows) < 0.1
    score[faceless] = -np.inf
    location[faceless] = [1, 1, 400, 600]
    location[random.random(rows) < 0.001, 0] = -30
    return {
        "dob": birth_day,
        "photo_taken": year.astype(float),
        "full_path": [
            f"{who % 100:02d}/nm{who:07d}_rm{number:010d}_{taken}.jpg"
            for number, (who, taken) in enumerate(zip(person.tolist(), year.tolist(), strict=True))
        ],
        "gender": gender,
        "name": [f"Celebrity {who}" for who in person],
        "face_location": list(location),
        "face_score": score,
        "second_face_score": second_score,
        "celeb_names": [f"Celebrity {who}" for who in range(CELEBRITIES)],
        "celeb_id": person + 1.0,
    }


def write(file, columns, name="imdb"):
    """Write a struct: arrays become rows of doubles, lists of str or of arrays rows of cells."""
    names = b"".join(field.encode().ljust(32, b"\0") for field in columns)
    body = b"".join(
        [
            struct.pack("<6I2i", UINT32, 8, STRUCT, 0, INT32, 8, 1, 1),
            _element(INT8, name.encode()),
            struct.pack("<HHI", INT32, 4, 32),
            _element(INT8, names),
            *map(_value, columns.values()),
        ]
    )
    packed = zlib.compress(_element(MATRIX, body), 1)
    file.write_bytes(HEADER + struct.pack("<2I", COMPRESSED, len(packed)) + packed)


def _value(value):
    if isinstance(value, np.ndarray):
        return _matrix(DOUBLES, value.size, DOUBLE, value.astype("<f8").tobytes())
    if isinstance(value, str):
        return _matrix(CHARACTERS, len(value), UINT16, value.encode("utf-16-le"))
    return _nameless(CELL, len(value), b"".join(map(_value, value)))


def _matrix(kind, width, stored, data):
    """A nameless row of characters or numbers."""
    return _nameless(kind, width, _element(stored, data))


def _nameless(kind, width, content):
    start = NAMELESS.pack(
        *(MATRIX, NAMELESS.size - 8 + len(content)),
        *(UINT32, 8, kind, 0),
        *(INT32, 8, 1, width),
        *(INT8, 0),
    )
    return start + content


def _element(kind, data):
    return struct.pack("<2I", kind, len(data)) + data + bytes(-len(data) % 8)
