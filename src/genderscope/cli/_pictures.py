"""The pictures that a command line names."""

import os
from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from glob import glob

import typer

from genderscope.cli import _output
from genderscope.core.errors import UsageError
from genderscope.core.extras import installation
from genderscope.core.storage import is_url, unexpanded


def named(places: Iterable[str]) -> list[str]:
    """Places with patterns such as ``*.jpg`` expanded, and each folder once.

    Raises:
        UsageError: no such file or folder.
    """
    found: list[str] = []
    folders: set[str] = set()
    for place in places:
        if place == "-" or is_url(place) or os.path.lexists(place):
            matches = [place]
        elif not (matches := sorted(glob(place, recursive=True))):
            raise UsageError(_absent(place))
        for match in matches:
            folder = os.path.realpath(match) if os.path.isdir(match) else None
            if folder not in folders:
                found.append(match)
            if folder:
                folders.add(folder)
    return found


def note_unread(unread: Counter[str]) -> None:
    """Report the files that ``decode.find`` did not read, if any."""
    from genderscope.imaging import decode

    if unread:
        counts = ", ".join(f"{count:,} {extension}" for extension, count in sorted(unread.items()))
        advice = f"; for HEIC: {installation('heif')}" if unread.keys() & decode.HEIF else ""
        _output.note(f"not read: {counts}{advice}")


def fail(places: Iterable[object], found: bool, failed: int) -> None:
    """Exit with code 1 if any picture failed, or if none was found, which is reported."""
    if not found:
        _output.error(f"no picture was found in {', '.join(map(str, places))}")
    if failed or not found:
        raise typer.Exit(1)


def _absent(place: str) -> str:
    if advice := unexpanded(place):
        return f"{place} is not there; {advice}"
    if "*" in place:
        return f"{place} matches no file"
    folder, name = os.path.split(place)
    names = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
    near = get_close_matches(name, names)
    advice = f"did you mean {os.path.join(folder, near[0])}?" if near else "check the path"
    return f"{place} is not there; {advice}"
