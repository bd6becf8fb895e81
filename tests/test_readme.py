"""The README and docs are current: tables match the result files, links work."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PARTS = ("docs", "deploy", "examples")


def test_the_tables_are_the_result_files(model):
    pytest.importorskip("scipy", reason="needs the extra [eval]")
    subprocess.run([sys.executable, ROOT / "scripts" / "tables", "--check"], check=True)


def test_ci_finds_the_test_command():
    found = subprocess.run(
        ["sed", "-n", "/<!-- test command -->/,/^```$/p", ROOT / "README.md"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "make check" in found.stdout


def test_the_readme_is_short():
    assert README.count("\n") <= 160


@pytest.mark.parametrize(
    "document",
    [*ROOT.glob("*.md"), *(file for part in PARTS for file in (ROOT / part).rglob("*.md"))],
    ids=lambda document: str(document.relative_to(ROOT)),
)
def test_every_link_to_a_file_leads_somewhere(document):
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
        assert (document.parent / link).exists(), link
