"""How each shipped model was trained: ``<name>.toml``, the settings of a run by name.

The comment at a recipe's top gives its command; the record of a shipped model has its time and
result. ``teachers`` and ``init_from`` name recipes themselves.
"""

import tomllib
from collections.abc import Mapping
from math import inf
from pathlib import Path

from msgspec import ValidationError, convert, to_builtins
from msgspec.structs import asdict, replace

from genderscope.core.errors import UsageError
from genderscope.training.settings import Augmentation, Settings, Weight

FOLDER = Path(__file__).parent

Options = Mapping[str, object]
"""Settings by name, as in TOML or as text, and perhaps ``preset``, that of the crops."""


def names() -> list[str]:
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def read(recipe: str) -> dict[str, object]:
    """The options of a recipe, by name or path; ``UsageError`` if missing or not valid TOML."""
    file = FOLDER / f"{recipe}.toml" if recipe in names() else Path(recipe)
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        shipped = ", ".join(names())
        raise UsageError(f"no recipe {recipe!r}: give a .toml file or one of {shipped}") from error
    except ValueError as error:
        raise UsageError(f"{file} is not valid TOML: {error}") from error


def parents(options: Options) -> list[str]:
    """The recipes that options build on, teachers first."""
    named = settings(options, Path())
    return [*named.teachers, *filter(None, [named.init_from])]


def settings(options: Options, runs: Path) -> Settings:
    """Settings from options, of which ``augmentation`` is a strength or a table of its fields;
    ``runs`` holds the runs and tables that they name. ``UsageError`` for an invalid or unknown one.
    """
    values = {name: value for name, value in options.items() if name != "preset"}
    fields = Settings.__struct_fields__
    if unknown := values.keys() - set(fields):
        raise UsageError(f"no setting {', '.join(sorted(unknown))}; there are: {', '.join(fields)}")
    try:
        if not isinstance(strength := values.get("augmentation", 1), dict):
            strength = convert(strength, Weight, strict=False)
            values["augmentation"] = to_builtins(Augmentation().times(strength))
        parsed = convert(values, Settings, strict=False)
    except ValidationError as error:
        advice = "'genderscope train --help' describes the settings"
        raise UsageError(f"a setting is not valid: {error}; {advice}") from error
    tables = values, asdict(parsed), asdict(parsed.augmentation), parsed.teacher_scores
    if infinite := [name for table in tables for name, value in table.items() if value == inf]:
        raise UsageError(f"a setting is not valid: {infinite[0]} is infinite")
    return replace(
        parsed,
        teachers=tuple(str(runs / teacher) for teacher in parsed.teachers),
        init_from=str(runs / parsed.init_from) if parsed.init_from else None,
        teacher_scores={str(runs / file): weight for file, weight in parsed.teacher_scores.items()},
    )
