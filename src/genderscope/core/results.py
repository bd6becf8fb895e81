"""Results as files: frozen, versioned types with their provenance, saved as JSON and read strictly.

Every file that the project writes and reads back is a ``Document``. Another kind or version, an
unknown or missing field, or a value of the wrong type raises ``ResultError``. NaN becomes null, so
a number that may be undefined has the type ``float | None``.
"""

import os
import shlex
import sys
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import msgspec

from genderscope.core import __version__
from genderscope.core.arguments import path
from genderscope.core.errors import ResultError, UsageError
from genderscope.core.storage import text, write_whole

Interval = tuple[float, float]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a document, with keyword-only fields; unknown fields are rejected."""


class Exclusions(Record, frozen=True, kw_only=True):
    """Pictures left out of a data set, such as duplicates across splits: how many were removed, and
    the name and SHA-256 of the file that lists them.
    """

    file: str
    sha256: str
    pictures: int


class Provenance(Record, frozen=True, kw_only=True):
    """How a result was made: the command, with paths as given; the versions of Python, this package
    and the dependencies that affect the numbers; the seed, None where nothing is random; and the
    fingerprint of the samples, None without a data set.
    """

    command: str
    versions: dict[str, str]
    seed: int | None = None
    fingerprint: str | None = None
    exclusions: Exclusions | None = None


class Unreadable(Record, frozen=True, kw_only=True):
    """A picture that cannot be read or used, and why."""

    file: str
    reason: str


class Estimate(Record, frozen=True, kw_only=True):
    """A number with its interval, computed from ``n``; both None where that is too small."""

    n: int
    value: float | None
    interval: Interval | None

    def __str__(self) -> str:
        """A share in percent, with its interval."""
        if self.value is None:
            return "-"
        low, high = self.interval or (self.value, self.value)
        return f"{self.value:.1%} ({100 * low:.1f} to {100 * high:.1f})"


class Document(Record, frozen=True, kw_only=True):
    """A result that is saved as a file: see the module."""

    KIND: ClassVar[str]
    VERSION: ClassVar[int] = 1

    provenance: Provenance

    def encode(self) -> bytes:
        """The file's content."""
        return msgspec.json.format(msgspec.json.encode(_valid(self.to_dict())), indent=1)

    def to_dict(self) -> dict[str, object]:
        """Plain values, as in the file."""
        return {"kind": self.KIND, "version": self.VERSION, **msgspec.to_builtins(self)}

    def save(self, file: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write the file atomically; ``UsageError`` if it exists, without ``overwrite``."""
        file = path("file", file)
        if file.exists() and not overwrite:
            raise UsageError(
                f"{file} exists: name another file, or add --overwrite, in Python overwrite=True"
            )
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, self.encode())

    @classmethod
    def load(cls, file: str | os.PathLike[str]) -> Self:
        """Read a file; ``ResultError`` if it is not such a document."""
        try:
            return cls.decode(path("file", file).read_bytes(), str(file))
        except OSError as error:
            raise ResultError(f"{file} cannot be read: {error.strerror}") from error

    @classmethod
    def decode(cls, data: bytes, name: str) -> Self:
        """The document in a file's content; ``name`` is used in a ``ResultError``."""
        try:
            values = msgspec.json.decode(data, type=dict[str, Any])  # of any kind and version
            kind, number = values.pop("kind", None), values.pop("version", None)
        except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
            raise ResultError(f"{name} is not a result file: {error}") from error
        if kind != cls.KIND:
            raise ResultError(f"{name} is a file of kind {kind!r}, not {cls.KIND!r}")
        if number != cls.VERSION:
            raise ResultError(
                f"{name} has version {number!r} of the format {cls.KIND!r}; this package reads "
                f"version {cls.VERSION}: recreate it with the command in its provenance"
            )
        try:
            return msgspec.convert(values, cls)
        except msgspec.ValidationError as error:
            raise ResultError(f"{name} is broken: {error}") from error

    @classmethod
    def schema(cls) -> dict[str, Any]:  # JSON Schema has no narrower type
        """The JSON Schema of the file."""
        schema = msgspec.json.schema(cls)
        own = schema["$defs"][cls.__name__]
        format_of = {"kind": {"const": cls.KIND}, "version": {"const": cls.VERSION}}
        own["properties"] = format_of | own["properties"]
        own["required"] = ["kind", "version", *own["required"]]
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _valid(value: Any) -> Any:  # of any document
    """A document's values with every string as valid Unicode: file names may hold any bytes."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return {_valid(name): _valid(item) for name, item in value.items()}
    return [_valid(item) for item in value] if isinstance(value, list | tuple) else value


def versions(packages: Iterable[str] = ()) -> dict[str, str]:
    """Versions of Python, this package and the named packages that are installed."""
    from importlib.metadata import PackageNotFoundError, version  # slow to import
    from platform import python_version

    numbers = {"python": python_version(), "genderscope": __version__}
    for package in packages:
        try:
            numbers[package] = version(package)
        except PackageNotFoundError:
            continue
    return numbers


def command_of(module: str) -> str:
    """The command line of this process as ``python -m MODULE ...``."""
    return shlex.join(["python", "-m", module, *sys.argv[1:]])
