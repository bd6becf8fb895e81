"""The page's constants are Python's."""

import json
import re

import pytest

pytest.importorskip("fastapi", reason="needs the extra [serve]")

from genderscope.core.types import LABELS
from genderscope.server.app import WEB
from genderscope.server.constants import javascript
from genderscope.video import tracking


def constants() -> dict:
    lines = re.findall(r"^export const (\w+) = (.*);$", javascript(), re.MULTILINE)
    return {name: json.loads(value) for name, value in lines}


def test_the_module_has_what_the_scripts_import() -> None:
    imported = set()
    for script in WEB.glob("*.js"):
        for names in re.findall(r'import {([^}]*)} from "./constants.js"', script.read_text()):
            imported |= {name.strip() for name in names.split(",")}
    assert imported == constants().keys()


def test_values_are_those_of_python() -> None:
    assert constants()["LABELS"] == list(LABELS)
    assert constants()["MAX_AGE_MS"] == tracking.Tracker().max_age_s * 1000
    assert constants()["MIN_HITS"] == tracking.MIN_HITS
    assert constants()["COLOURS"]["woman"] == "#e69f00"


def test_the_style_sheet_has_the_same_colours() -> None:
    colours = constants()["COLOURS"]
    style = dict(re.findall(r"--(\w+): (.*);", (WEB / "style.css").read_text()))
    assert (style["woman"], style["man"]) == (colours["woman"], colours["man"])
    assert style["uncertain"] == f"light-dark(#d0d0d0, {colours['uncertain']})"
