"""The documentation site: built without a warning, and complete without any other site."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="needs the extra [docs]")
ROOT = Path(__file__).parents[1]
FETCHED = re.compile(
    r"""<(?!a\b)\w+\b[^>]*\b(?:src|href|srcset|data)=["']?(?:https?:)?//|url\(["']?(?:https?:)?//"""
)
"""An address of another site in any element but a link to follow, or in a style."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return folder


def test_pages_fetch_nothing_from_other_sites(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 25
    for page in [*pages, *site.rglob("*.css")]:
        assert not FETCHED.findall(page.read_text()), page


def test_commands_and_formats_are_those_of_the_package(site):
    commands, formats = ((site / f"{name}.html").read_text() for name in ("commands", "formats"))
    assert "<code>genderscope classify</code>" in commands
    assert "--min-confidence" in commands
    for schema in (ROOT / "docs" / "schemas").glob("*.json"):
        assert f'href="schemas/{schema.name}"' in formats
