"""Readers of published data sets, one file each: ``read(root, split)`` yields ``Sample``s.

Each file also says what it reads: ``TITLE``, ``SIZE`` (pictures, or None), ``SPLITS``, ``LABELS``,
``LICENCE``, ``WHERE`` and ``LAYOUT``. Knows nothing of detectors, crops or torch.
"""

from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from urllib.parse import parse_qsl

from genderscope import plugins
from genderscope.contracts import DatasetError, Sample, UsageError


def read(source: str, split: str) -> Iterator[Sample]:
    """Stream a data set by its name and place, such as ``fairface:DIR``.

    A reader's own options follow the place: ``table:FILE?file=path&label=gender``.

    Raises:
        UsageError: the source is not ``NAME:PATH``, no reader has that name, or it has no such
            option.
        DatasetError: the place does not hold that data set.
    """
    name, colon, place = source.partition(":")
    if not colon or not place:
        known = ", ".join(f"{name}:DIR" for name in plugins.names("datasets"))
        raise UsageError(f"a data set is written NAME:PATH, not {source!r}; there are: {known}")
    reader = plugins.load("datasets", name)
    root, query = Path(place).expanduser(), ""
    if not root.exists():  # a path may hold a question mark too
        place, _, query = place.partition("?")
        root = Path(place).expanduser()
    if not root.exists():
        raise DatasetError(f"{root} is not there")
    takes = list(signature(reader.read).parameters)[2:]
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError as error:
        raise UsageError(f"{source!r}: options are written option=value&option=value") from error
    if unknown := options.keys() - set(takes):
        raise UsageError(
            f"{name} has no option {', '.join(sorted(unknown))}; it has: "
            f"{', '.join(takes) or 'none'}"
        )
    samples: Iterator[Sample] = reader.read(root, split, **options)
    return samples
