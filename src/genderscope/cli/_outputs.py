"""The outputs of a command: reserved while it runs, and never an input or an earlier result."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genderscope.core.errors import UsageError
from genderscope.core.storage import check_new, claimed


@dataclass(frozen=True)
class Output:
    """Marks an option as an output, which ``expanded`` reserves for the command.

    Attributes:
        file: a file in an output folder that marks an earlier result.
        more: other files that the command writes there; existing ones are refused too.
        shared: a folder to which new files are added.
        resumable: ``--resume`` continues it.
        text: a text file, which replaces no picture: ``--csv *.jpg`` names one by mistake.
    """

    file: str = ""
    shared: bool = False
    resumable: bool = False
    more: tuple[str, ...] = ()
    text: bool = False


@contextmanager
def reserved(outputs: Mapping[str, Output], values: Mapping[str, object]) -> Iterator[None]:
    """Reserve the output files that the values of options name.

    ``UsageError`` if another process or option writes one, it exists without ``--overwrite`` or
    ``--resume``, or it is an input.
    """
    replaced = bool(values.get("overwrite") or values.get("resume"))
    places = [(mark, place) for name, mark in outputs.items() for place in _places(values[name])]
    if values.get("overwrite"):
        # The source of audit is read before its page is written.
        inputs = [values[name] for name in values.keys() - outputs.keys() - {"source"}]
        _check_replaced(places, list(_named_files(inputs)))
    with ExitStack() as claims:
        for output, place in places:
            if "://" not in place and place != "-":
                advice = ", or --resume to continue it" if output.resumable else ""
                file, overwrite = Path(place) / output.file, replaced or output.shared
                claims.enter_context(claimed(file, overwrite, advice))
                for name in () if overwrite else output.more:
                    check_new(Path(place) / name)
        yield


def sink(text: str) -> tuple[str, str]:
    name, _, target = text.partition("=")
    if not (name and target):
        raise UsageError(f"--sink takes NAME=TARGET, not {text!r}")
    return name, target


def _named_files(values: Iterable[Any]) -> Iterator[Path]:
    """The existing files that values name, as paths or as sources of data sets."""
    for value in values:
        if isinstance(value, list | tuple):
            yield from _named_files(value)
        elif isinstance(value, str | Path):
            source = str(value).partition(":")[2].partition("?")[0]
            yield from (Path(name) for name in (str(value), source) if os.path.isfile(name))


def _check_replaced(places: Iterable[tuple[Output, str]], inputs: Sequence[Path]) -> None:
    """Refuse to overwrite an input, and a picture with text."""
    for output, place in places:
        file = Path(place) / output.file
        if output.shared or not file.is_file():
            continue
        if any(file.samefile(one) for one in inputs):
            raise UsageError(f"{file} is an input: choose another output")
        if output.text:
            from genderscope.imaging.decode import EXTENSIONS  # slow to import

            if file.suffix.lower() in EXTENSIONS:
                raise UsageError(f"{file} is a picture: choose another output")


def _places(value: Any) -> list[str]:
    """Where an output option writes: a file, a folder or the targets of sinks, if anywhere."""
    if isinstance(value, list):
        return [target for _, target in map(sink, value)]
    return [str(value)] if value else []
