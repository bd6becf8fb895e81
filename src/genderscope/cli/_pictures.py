"""The pictures that a command line names."""

import os
from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from glob import glob

from genderscope.core.errors import UsageError
from genderscope.core.extras import installation
from genderscope.core.storage import is_url


def named(places: Iterable[str]) -> list[str]:
    """Places with patterns such as ``*.jpg`` expanded, and each folder once.

    Raises:
        UsageError: nothing has such a name.
    """
    found: list[str] = []
    folders: set[str] = set()
    for place in places:
        if place == "-" or is_url(place) or os.path.lexists(place):
            matches = [place]
        elif not (matches := sorted(glob(place, recursive=True))):
            raise UsageError(f"{place} is not there{_suggestion(place)}")
        for match in matches:
            folder = os.path.realpath(match) if os.path.isdir(match) else None
            if folder not in folders:
                found.append(match)
            if folder:
                folders.add(folder)
    return found


def not_read(unread: Counter[str]) -> str:
    """A sentence about the files that ``decode.find`` did not read; empty if there are none."""
    if not unread:
        return ""
    from genderscope.imaging import decode

    counts = ", ".join(f"{count:,} {extension}" for extension, count in sorted(unread.items()))
    cure = f"; for HEIC: {installation('heif')}" if unread.keys() & decode.HEIF else ""
    return f"not read: {counts}{cure}"


def _suggestion(place: str) -> str:
    folder, name = os.path.split(place)
    near = get_close_matches(
        name, os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
    )
    return f"; did you mean {os.path.join(folder, near[0])}?" if near else "; check the path"
