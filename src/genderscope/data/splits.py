"""Parts of a data set that share no person, and the tables that say what is in each.

Identities, where a data set knows them, are never in two parts; every part has the classes in the
same shares; the seed decides. Knows nothing of the pictures but their names.
"""

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genderscope import __version__
from genderscope.core.errors import DatasetError, UsageError
from genderscope.core.extras import require
from genderscope.core.types import LABELS, Sample

COLUMNS = ("file", "label", "identity")
RECORD = "splits.json"

Indices = npt.NDArray[np.int64]


def hold_out(
    labels: npt.NDArray[Any], identities: Sequence[str | None], ratio: float, seed: int
) -> tuple[Indices, Indices]:
    """Divide labelled samples in two.

    Args:
        labels: (n,) integers, negative where unknown: such a sample is in neither part.
        identities: (n,) who it is, or None where that is not known.
        ratio: the share that is held out, of each class, between 0 and 1.

    Returns:
        Sorted indices of the rest and of what is held out.

    Raises:
        DatasetError: there are too few pictures or persons for that.
    """
    known = np.flatnonzero(labels >= 0)
    names = [identities[row] for row in known.tolist()]
    if any(names):
        held = _hold_out_identities(labels[known], names, ratio, seed)
    else:
        sklearn = require("sklearn.model_selection", "eval")
        shuffled = sklearn.StratifiedShuffleSplit(1, test_size=ratio, random_state=seed)
        try:
            _, held = next(shuffled.split(known, labels[known]))
        except ValueError as error:
            raise DatasetError(
                f"{len(known)} labelled pictures are too few to hold {ratio:g} of them out: {error}"
            ) from error
    return np.delete(known, held), np.sort(known[held])


def _hold_out_identities(
    labels: npt.NDArray[Any], identities: Sequence[str | None], ratio: float, seed: int
) -> Indices:
    """Take identities in a random order, each that fits into what is still wanted of every class.

    One pass, under a second for IMDB. scikit-learn's StratifiedGroupKFold weighs every identity
    against every fold, minutes where most are unknown, and knows only shares such as 1 in 10.
    """
    numbers: dict[str | int, int] = {}  # a picture of nobody known is a person of its own
    groups = np.array(
        [numbers.setdefault(name or row, len(numbers)) for row, name in enumerate(identities)]
    )
    classes = np.unique(labels)
    counts = np.stack(
        [np.bincount(groups[labels == kind], minlength=len(numbers)) for kind in classes]
    )
    wanted = np.maximum(np.rint(ratio * counts.sum(1)), 1).tolist()
    taken = np.zeros(len(numbers), bool)
    rows = counts.T.tolist()
    for group in np.random.default_rng(seed).permutation(len(numbers)).tolist():
        left = [most - count for most, count in zip(wanted, rows[group], strict=True)]
        if min(left) >= 0:
            taken[group], wanted = True, left
    if not taken.any() or taken.all():
        raise DatasetError(
            f"{len(numbers)} persons are too few to hold {ratio:g} of their pictures out"
        )
    return np.flatnonzero(taken[groups])


def split(
    labels: npt.NDArray[Any],
    identities: Sequence[str | None],
    shares: Mapping[str, float],
    seed: int,
) -> dict[str, Indices]:
    """Divide labelled samples into ``train`` and the parts named in ``shares``.

    Args:
        shares: each part's share of all labelled samples; a part of 0 is left out.

    Returns:
        Sorted indices of each part, ``train`` first.

    Raises:
        UsageError: the shares leave nothing to train on.
        DatasetError: as ``hold_out``.
    """
    if not (min(shares.values()) >= 0 and sum(shares.values()) < 1):
        raise UsageError(f"shares are at least 0 and leave something to train on, not {shares}")
    rest = np.arange(len(labels))
    left, parts = 1.0, {}
    for name, share in shares.items():
        if share:
            names = [identities[row] for row in rest.tolist()]
            keep, held = hold_out(labels[rest], names, share / left, seed)
            parts[name], rest = rest[held], rest[keep]
            left -= share
    return {"train": rest[labels[rest] >= 0]} | parts


def write(
    samples: Iterable[Sample], shares: Mapping[str, float], seed: int, source: str, out: Path
) -> dict[str, Any]:
    """Divide a data set and write each part as a table ``out/PART.csv``, and ``out/splits.json``.

    The tables have the columns ``file`` (relative to the table), ``label``, ``identity`` and the
    samples' groups, as ``table:PART.csv?identity=identity`` reads them. A picture that is listed
    more than once is taken once.

    Args:
        source: where the samples come from, for the record.

    Returns:
        What ``splits.json`` holds: the seed, and the counts and SHA-256 of each table.

    Raises:
        UsageError: ``out`` holds splits already, or as ``split``.
        DatasetError: a group has the name of a column, or as ``split``.
    """
    if (out / RECORD).exists():
        raise UsageError(f"{out} holds splits already: name another folder")
    once: dict[str, Sample] = {}
    for sample in samples:
        once.setdefault(os.path.normpath(sample.file), sample)
    listed = list(once.values())
    groups = list(dict.fromkeys(name for sample in listed for name in sample.groups))
    if taken := set(groups) & set(COLUMNS):
        raise DatasetError(f"the group {', '.join(taken)} of {source} has the name of a column")
    labels = np.array([-1 if sample.label is None else sample.label for sample in listed], np.int8)
    parts = split(labels, [sample.identity for sample in listed], shares, seed)
    record: dict[str, Any] = {
        "source": source,
        "seed": seed,
        "shares": dict(shares),
        "pictures": len(listed),
        "without_a_label": int((labels < 0).sum()),
        "parts": {},
        "versions": {name: version(name) for name in ("numpy", "scikit-learn")}
        | {"genderscope": __version__},
    }
    tables = {}
    for name, indices in parts.items():
        chosen = [listed[index] for index in indices]
        tables[f"{name}.csv"] = table = _table(chosen, groups, out)
        record["parts"][name] = {
            "source": f"table:{name}.csv?identity=identity",
            "sha256": hashlib.sha256(table).hexdigest(),
            "pictures": len(chosen),
            **{
                word: sum(sample.label == kind for sample in chosen)
                for kind, word in enumerate(LABELS)
            },
            "identities": len({sample.identity for sample in chosen} - {None}),
        }
    tables[RECORD] = f"{json.dumps(record, indent=1)}\n".encode()  # last: it says all is there
    out.mkdir(parents=True, exist_ok=True)
    for file, content in tables.items():
        part = out / f"{file}.part"
        part.write_bytes(content)
        part.replace(out / file)
    return record


def _table(samples: Sequence[Sample], groups: Sequence[str], out: Path) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*COLUMNS, *groups])
    folders: dict[Path, str] = {}
    here = out.resolve()  # the way up leads from where the folder really is
    for sample in samples:
        folder = sample.file.parent
        if folder not in folders:
            folders[folder] = os.path.relpath(folder.resolve(), here)
        label = "" if sample.label is None else LABELS[sample.label]
        file = Path(folders[folder], sample.file.name).as_posix()
        rows.writerow(
            [file, label, sample.identity or "", *(sample.groups.get(name, "") for name in groups)]
        )
    return text.getvalue().encode()
