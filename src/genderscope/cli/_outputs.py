"""The outputs of a command: reserved while it runs, and never an input or an earlier result."""

import os
import re
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
        anywhere: an address is allowed.
    """

    file: str = ""
    shared: bool = False
    resumable: bool = False
    more: tuple[str, ...] = ()
    text: bool = False
    anywhere: bool = False


@contextmanager
def reserved(outputs: Mapping[str, Output], values: Mapping[str, object]) -> Iterator[None]:
    """Reserve the output files that the values of options name.

    ``UsageError`` if another process or option writes one, it exists without ``--overwrite`` or
    ``--resume``, or it is an input.
    """
    _check_local(outputs, values)
    overwrite = bool(values.get("overwrite"))
    replaced = overwrite or bool(values.get("resume"))
    # The source of audit is read before its page is written.
    others = values.keys() - outputs.keys() - {"source"}
    inputs = list(_named_files(values[name] for name in others)) if overwrite else []
    places = ((mark, place) for name, mark in outputs.items() for place in _places(values[name]))
    with ExitStack() as claims:
        for output, place in places:
            if "://" in place or place == "-":
                continue
            if output.text and os.path.isdir(place):
                raise UsageError(f"{place} is a folder: name a file")
            file, may_exist = Path(place) / output.file, replaced or output.shared
            if overwrite and not output.shared and file.is_file():
                _check_replaceable(file, inputs, output.text)
            advice = ", or --resume to continue it" if output.resumable else ""
            claims.enter_context(claimed(file, may_exist, advice))
            for name in () if may_exist else output.more:
                check_new(Path(place) / name)
        yield


def _check_local(outputs: Mapping[str, Output], values: Mapping[str, object]) -> None:
    """Refuse addresses as files or folders: in a ``Path`` they would name a folder ``http:``. So
    would ``-`` a file or folder of this name.
    """
    for name, value in values.items():
        if name in outputs and value == Path("-"):
            option = name.removesuffix("_file").replace("_", "-")
            raise UsageError(f"--{option} needs a file or folder; it cannot use standard output")
        each = value if isinstance(value, list) else [value]
        places = [one for one in each if isinstance(one, Path)]
        if name in outputs and not outputs[name].anywhere:
            places += map(Path, _places(value))
        for place in places:
            if address := re.match(r"([\w+.-]{2,}):/(.+)", place.as_posix()):
                raise UsageError(
                    f"{address[1]}://{address[2]} is an address: give the path of a file or folder"
                )


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


def _check_replaceable(file: Path, inputs: Sequence[Path], text: bool) -> None:
    """Refuse to overwrite an input, and a picture with text."""
    if any(file.samefile(one) for one in inputs):
        raise UsageError(f"{file} is an input: choose another output")
    if text:
        from genderscope.imaging.decode import EXTENSIONS  # slow to import

        if file.suffix.lower() in EXTENSIONS:
            raise UsageError(f"{file} is a picture: choose another output")


def _places(value: Any) -> list[str]:
    """Where an output option writes: a file, a folder or the targets of sinks, if anywhere."""
    if isinstance(value, list):
        return [target for _, target in map(sink, value)]
    return [str(value)] if value else []
