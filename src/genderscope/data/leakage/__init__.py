"""Whether two data sets share pictures or persons, and the report of it.

Knows nothing of how pictures are compared.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from genderscope import __version__
from genderscope.core.errors import DatasetError
from genderscope.core.types import Frame, Image, Sample
from genderscope.data.leakage.duplicates import (
    HASH_SIDE,
    KINDS,
    MAX_DISTANCE_BITS,
    Pair,
    Signature,
    signatures,
)
from genderscope.data.selection import place
from genderscope.imaging import decode

SHEET_PAIRS, SHEET_COLUMNS, THUMBNAIL, CAPTION = 120, 6, 112, 16  # the last two in pixels


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two data sets, and what became of its pictures.

    Attributes:
        source, split: as ``datasets.read`` takes them.
    """

    source: str
    split: str
    samples: Sequence[Sample]
    readable: list[Signature] = field(default_factory=list)
    unreadable: list[Frame] = field(default_factory=list)

    def take(self, jobs: int | None = None) -> Iterator[None]:
        """Take the signature of every picture; yields after each.

        Args:
            jobs: processes; by default one for each core, and none beside this one for 1.

        Raises:
            DatasetError: not one picture could be read: that would be no answer.
        """
        for one in signatures([sample.file for sample in self.samples], jobs):
            if isinstance(one, Frame):
                self.unreadable.append(one)
            else:
                self.readable.append(one)
            yield
        if not self.readable:
            raise DatasetError(f"{self.source} holds no picture that can be read")


def shared_identities(a: Side, b: Side) -> list[dict[str, Any]]:
    """Who is in both, and with how many pictures; case, underscores and spaces do not matter.

    An identity that is only a number is nobody in a data set of another kind.
    """
    counts_a, counts_b = (
        Counter(_name(sample.identity) for sample in side.samples) for side in (a, b)
    )
    same_kind = a.source.partition(":")[0] == b.source.partition(":")[0]
    return [
        {"identity": name, "pictures_a": counts_a[name], "pictures_b": counts_b[name]}
        for name in sorted(counts_a.keys() & counts_b.keys())
        if name and (same_kind or not name.isdecimal())
    ]


def listed(report: Path | None) -> frozenset[str]:
    """The pictures of a leak report's pairs, of both sides, as ``Selection.without`` takes them.

    Args:
        report: a ``leaks.json``, or a list of several; None lists nothing.

    Raises:
        DatasetError: it is no such report.
    """
    if report is None:
        return frozenset()
    try:
        found = json.loads(report.read_text(encoding="utf-8"))
        reports = found if isinstance(found, list) else [found]
        pairs = [pair for one in reports for pair in one["pairs"]]
        return frozenset(place(Path(pair[side])) for pair in pairs for side in ("a", "b"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{report} is no report of check-leaks: {error}") from error


def _name(identity: str | None) -> str:
    return " ".join((identity or "").replace("_", " ").casefold().split())


def report(a: Side, b: Side, pairs: Sequence[Pair], min_correlation: float) -> dict[str, Any]:
    """All that was found and how, as JSON has it."""
    kinds, identities = Counter(pair.kind for pair in pairs), shared_identities(a, b)
    return {
        "genderscope": __version__,
        **{name: _summary(side) for name, side in (("a", a), ("b", b))},
        "near_duplicate": {
            "hash": f"pHash, {HASH_SIDE**2} bits",
            "max_distance_bits": MAX_DISTANCE_BITS,
            "min_correlation": min_correlation,
        },
        "counts": {kind: kinds[kind] for kind in reversed(KINDS)}
        | {"shared identity": len(identities)},
        "pairs": [asdict(pair) for pair in pairs],
        "shared_identities": identities,
    }


def _summary(side: Side) -> dict[str, Any]:
    return {
        "source": side.source,
        "split": side.split,
        "pictures": len(side.samples),
        "with_identity": sum(sample.identity is not None for sample in side.samples),
        "unreadable": [{"file": frame.path, "reason": frame.error} for frame in side.unreadable],
    }


def write(found: dict[str, Any], pairs: Sequence[Pair], out: Path) -> None:
    """Write ``leaks.json``, ``leaks.csv``, and the contact sheet ``leaks.png`` if there are pairs.

    Args:
        found: what ``report`` says.
    """
    text = json.dumps(found, indent=1, ensure_ascii=False)
    (out / "leaks.json").write_text(f"{text}\n", encoding="utf-8")
    with (out / "leaks.csv").open("w", newline="", encoding="utf-8") as lines:
        rows = csv.DictWriter(lines, ["pair", *(field.name for field in fields(Pair))])
        rows.writeheader()
        rows.writerows({"pair": number, **asdict(pair)} for number, pair in enumerate(pairs, 1))
    sheet = out / "leaks.png"
    sheet.unlink(missing_ok=True)
    if pairs:
        cv2.imwrite(str(sheet), contact_sheet(pairs))


def contact_sheet(pairs: Sequence[Pair]) -> Image:
    """Pairs side by side; if there are more than 120, so many of them, evenly from all.

    Raises:
        PictureError: a picture cannot be read any more.
    """
    chosen = np.linspace(0, len(pairs) - 1, min(len(pairs), SHEET_PAIRS)).round().astype(int)
    height, width = CAPTION + THUMBNAIL, 2 * THUMBNAIL + CAPTION
    columns = min(len(chosen), SHEET_COLUMNS)
    sheet = np.full((-(-len(chosen) // columns) * height, columns * width, 3), 255, np.uint8)
    for spot, index in enumerate(chosen):
        pair = pairs[index]
        row, column = divmod(spot, columns)
        cell = sheet[row * height : (row + 1) * height, column * width : (column + 1) * width]
        mirrored = " mirrored" * pair.mirrored
        caption = f"{index + 1}: {pair.kind}{mirrored} {pair.correlation:.3f}"
        cv2.putText(cell, caption, (1, 11), cv2.FONT_HERSHEY_PLAIN, 0.75, (0, 0, 0), 1, cv2.LINE_AA)
        for left, file in ((0, pair.a), (THUMBNAIL, pair.b)):
            image = decode.read(Path(file))
            scale = THUMBNAIL / max(image.shape[:2])
            size = [max(round(side * scale), 1) for side in image.shape[1::-1]]
            small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            cell[CAPTION : CAPTION + size[1], left : left + size[0]] = small
    return sheet
