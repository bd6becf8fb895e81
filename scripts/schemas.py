"""Publish the JSON Schemas of all result files in docs/schemas.

    python scripts/schemas.py [--check]

``--check`` fails if a schema is missing, out of date, or obsolete. Schemas of modules that need a
missing extra are left unchanged.
"""

import json
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from inspect import cleandoc
from pathlib import Path

import genderscope
from genderscope.core.results import Document

PACKAGE = Path(genderscope.__file__).parent
ROOT = Path(__file__).parents[1]
SCHEMAS = ROOT / "docs" / "schemas"
OUTSIDE = ("benchmarks.results", "experiments.results")
"""Modules outside the package that define documents."""


def import_documents() -> list[str]:
    """Import the modules that define documents, and name those that cannot be imported."""
    absent = []
    for file in sorted(PACKAGE.rglob("*.py")):
        if re.search(r"^class \w+\(.*Document\b", file.read_text(), re.MULTILINE):
            parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
            name = ".".join(parts).removesuffix(".__init__")
            try:
                import_module(name)
            except ModuleNotFoundError:
                absent.append(name)
    sys.path.insert(0, str(ROOT))
    for name in OUTSIDE:
        import_module(name)
    return absent


def documents(base: type[Document] = Document) -> Iterator[type[Document]]:
    """Every type of document that is saved as a file."""
    for document in base.__subclasses__():
        if hasattr(document, "KIND"):
            yield document
        yield from documents(document)


def schema(document: type[Document]) -> str:
    """The schema as text, with docstrings dedented as from Python 3.13 on."""
    content = document.schema()
    for definition in content["$defs"].values():
        if "description" in definition:
            definition["description"] = cleandoc(definition["description"])
    return f"{json.dumps(content, indent=1)}\n"


def main(check: bool) -> None:
    absent = import_documents()
    texts = {
        f"{document.KIND.replace(' ', '-')}.json": schema(document) for document in documents()
    }
    current = {file.name: file.read_text() for file in SCHEMAS.glob("*.json")}
    obsolete = set() if absent else current.keys() - texts.keys()
    changed = {name for name, text in texts.items() if current.get(name) != text}
    if check:
        if changed or obsolete:
            names = ", ".join(sorted(changed | obsolete))
            sys.exit(f"docs/schemas is out of date ({names}): run python scripts/schemas.py")
        return
    SCHEMAS.mkdir(exist_ok=True)
    for name in obsolete:
        (SCHEMAS / name).unlink()
    for name in changed:
        (SCHEMAS / name).write_text(texts[name])


if __name__ == "__main__":
    main("--check" in sys.argv)
