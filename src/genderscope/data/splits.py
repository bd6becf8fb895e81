"""Splits: parts of a data set that share no person and have the same shares of each class."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from genderscope.core.errors import DatasetError, UsageError
from genderscope.core.extras import require
from genderscope.core.results import Document, Provenance, Record
from genderscope.core.storage import csv_of, write_whole
from genderscope.core.types import LABELS, Sample
from genderscope.data.fingerprint import fingerprint
from genderscope.data.identities import normalised

COLUMNS = ("file", "label", "identity")
AGE = "age_years"  # the column of ages, if any is known; a group may be called age
RECORD = "splits.json"

Indices = npt.NDArray[np.int64]
Labels = npt.NDArray[np.integer]


class SplitPart(Record, frozen=True, kw_only=True):
    """A part: its table as a source for ``datasets.read``, relative to the record; the table's
    SHA-256; its pictures, in all and by label; and the number of identities.
    """

    source: str
    sha256: str
    pictures: int
    labels: dict[str, int]
    identities: int


class Splits(Document, frozen=True, kw_only=True):
    """A data set in parts; ``shares`` are of its labelled pictures, the others are in no part."""

    KIND = "splits"

    source: str
    shares: dict[str, float]
    pictures: int
    unlabelled: int
    parts: dict[str, SplitPart]


def hold_out(
    labels: Labels, identities: Sequence[str | None], ratio: float, seed: int
) -> tuple[Indices, Indices]:
    """Divide labelled samples in two: sorted indices of the remaining and of the held-out ones,
    ``ratio`` of each class. Labels are (n,) integers; negative ones are unknown and in neither
    part. ``identities`` are (n,) persons, None where unknown; case, underscores and spaces do not
    matter. ``DatasetError`` if samples or persons are too few.
    """
    labelled = np.flatnonzero(labels >= 0)
    names = [normalised(identities[row]) for row in labelled.tolist()]
    if any(names):
        held_out = _hold_out_identities(labels[labelled], names, ratio, seed)
    else:
        sklearn = require("sklearn.model_selection", "eval")
        shuffled = sklearn.StratifiedShuffleSplit(1, test_size=ratio, random_state=seed)
        try:
            _, held_out = next(shuffled.split(labelled, labels[labelled]))
        except ValueError as error:
            count = len(labelled)
            raise DatasetError(
                f"{count} labelled pictures are too few to hold out {ratio:.0%} of each class"
            ) from error
    return np.delete(labelled, held_out), np.sort(labelled[held_out])


def _hold_out_identities(
    labels: Labels, identities: Sequence[str], ratio: float, seed: int
) -> Indices:
    """Take each identity, in random order, that fits into the remaining share of every class.

    IMDB takes less than a second. scikit-learn's StratifiedGroupKFold compares every identity with
    every fold, which takes minutes, and makes only equal folds.
    """
    numbers: dict[str | int, int] = {}  # each picture of an unknown person counts as a new person
    numbered = (numbers.setdefault(name or k, len(numbers)) for k, name in enumerate(identities))
    groups = np.fromiter(numbered, np.int64)
    classes = np.unique(labels)
    counts = np.stack([np.bincount(groups[labels == k], minlength=len(numbers)) for k in classes])
    quota = np.maximum(np.rint(ratio * counts.sum(1)), 1).tolist()
    taken = np.zeros(len(numbers), bool)
    rows = counts.T.tolist()
    for group in np.random.default_rng(seed).permutation(len(numbers)).tolist():
        left = [most - count for most, count in zip(quota, rows[group], strict=True)]
        if min(left) >= 0:
            taken[group], quota = True, left
    if not taken.any() or taken.all():
        raise DatasetError(
            f"{len(numbers)} persons are too few to hold out {ratio:.0%} of their pictures"
        )
    return np.flatnonzero(taken[groups])


def split(
    labels: Labels, identities: Sequence[str | None], shares: Mapping[str, float], seed: int
) -> dict[str, Indices]:
    """Sorted indices of ``train`` and of the parts named in ``shares``, each a share of all
    labelled samples; a share of 0 makes no part. ``UsageError`` if nothing is left to train on,
    ``DatasetError`` if a part has no picture of a class; else errors as ``hold_out``.
    """
    if not (min(shares.values()) >= 0 and sum(shares.values()) < 1):
        raise UsageError(f"shares must be at least 0 and leave pictures for train, not {shares}")
    train = np.arange(len(labels))
    left, parts = 1.0, {}
    for name, share in shares.items():
        if share:
            names = [identities[row] for row in train.tolist()]
            keep, held = hold_out(labels[train], names, share / left, seed)
            parts[name], train = train[held], train[keep]
            left -= share
    parts = {"train": train[labels[train] >= 0]} | parts
    for name, rows in parts.items():
        if missing := np.setdiff1d(labels[labels >= 0], labels[rows]).tolist():
            raise DatasetError(
                f"the part {name} has no picture of a {LABELS[missing[0]]}: there are too few, or "
                "all are of persons with too many, who are not divided; change the shares"
            )
    return parts


def write(
    samples: Iterable[Sample],
    shares: Mapping[str, float],
    source: str,
    out: Path,
    provenance: Provenance,
    overwrite: bool = False,
) -> Splits:
    """Divide a data set by the seed of ``provenance``, and write each part as a table
    ``out/PART.csv``, and ``out/splits.json``.

    The tables have the columns ``file`` (relative to the table), ``label``, ``identity``,
    ``age_years`` if any age is known, and the groups, and are data sets:
    ``table:PART.csv?identity=identity&age=age_years``. They have no boxes and detector scores. A
    picture listed twice is taken once. ``UsageError`` if ``out`` holds splits that may not be
    replaced, ``DatasetError`` if a group has the name of a column; else errors as ``split``.
    """
    if (out / RECORD).exists() and not overwrite:
        raise UsageError(f"{out} holds splits already: name another folder")
    listed = _unique(samples)
    groups = list(dict.fromkeys(name for sample in listed for name in sample.groups))
    columns = [*COLUMNS, *([AGE] if any(sample.age is not None for sample in listed) else [])]
    if taken := set(groups) & set(columns):
        persons = "; if it names the persons, add identity=identity to the source"
        raise DatasetError(
            f"the group {', '.join(taken)} of {source} has the name of a column of the parts: "
            f"rename it{persons * ('identity' in taken)}"
        )
    labels = np.array([-1 if sample.label is None else sample.label for sample in listed], np.int8)
    identities = [sample.identity for sample in listed]
    parts = {
        name: [listed[index] for index in indices]
        for name, indices in split(labels, identities, shares, provenance.seed or 0).items()
    }
    tables = {name: _table(members, columns, groups, out) for name, members in parts.items()}
    options = "identity=identity" + f"&age={AGE}" * (AGE in columns)
    result = Splits(
        provenance=msgspec.structs.replace(provenance, fingerprint=str(fingerprint(listed))),
        source=source,
        shares=dict(shares),
        pictures=len(listed),
        unlabelled=int((labels < 0).sum()),
        parts={
            name: _part(f"table:{name}.csv?{options}", members, tables[name])
            for name, members in parts.items()
        },
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / RECORD).unlink(missing_ok=True)
    for name in shares.keys() - tables.keys():  # an earlier part, whose pictures are in others now
        (out / f"{name}.csv").unlink(missing_ok=True)
    for name, table in tables.items():
        write_whole(out / f"{name}.csv", table)
    result.save(out / RECORD, overwrite)  # last: if it exists, all tables are complete
    return result


def _unique(samples: Iterable[Sample]) -> list[Sample]:
    """Each picture once, with symbolic links to folders resolved."""
    resolved = cache(Path.resolve)
    unique: dict[Path, Sample] = {}
    for sample in samples:
        file = resolved(sample.file.parent) / sample.file.name
        if file not in unique:
            unique[file] = replace(sample, file=file)
    return list(unique.values())


def _part(source: str, samples: Sequence[Sample], table: bytes) -> SplitPart:
    return SplitPart(
        source=source,
        sha256=hashlib.sha256(table).hexdigest(),
        pictures=len(samples),
        labels={name: sum(s.label == index for s in samples) for index, name in enumerate(LABELS)},
        identities=len({normalised(sample.identity) for sample in samples} - {""}),
    )


def _table(
    samples: Sequence[Sample], columns: Sequence[str], groups: Sequence[str], out: Path
) -> bytes:
    rows = [[*columns, *groups]]
    here = out.resolve()  # the target of a symbolic link
    relative = cache(partial(os.path.relpath, start=here))
    for sample in samples:
        row = [
            Path(relative(sample.file.parent), sample.file.name).as_posix(),
            "" if sample.label is None else LABELS[sample.label],
            sample.identity or "",
        ]
        if AGE in columns:
            row.append("" if sample.age is None else str(sample.age))
        rows.append([*row, *(sample.groups.get(name, "") for name in groups)])
    return csv_of(rows)
