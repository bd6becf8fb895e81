"""Files about the project agree with it: the citation, the FAQ and the page on limits."""

import re
import shlex
from pathlib import Path

import pytest
import typer

import genderscope
from genderscope import cli

ROOT = Path(__file__).parents[1]
PAGES = ("faq.md", "limits.md", "releasing.md")
DOCS = ROOT / "docs"
QUOTING = [
    str(file.relative_to(DOCS))
    for file in sorted(DOCS.rglob("*.md"))
    if "genderscope " in file.read_text()
]


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as hosting sites and MkDocs make them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(text: str) -> list[str]:
    """Every ``genderscope ...`` in code blocks and in the text."""
    found = re.findall(r"^genderscope .+$|`(genderscope [^`]+)`", text, re.MULTILINE)
    lines = re.findall(r"^(?:fresh/bin/)?(genderscope .+)$", text, re.MULTILINE)
    return [*filter(None, found), *lines]


def test_the_citation_names_this_version():
    yaml = pytest.importorskip("yaml", reason="needs the extra [dev]")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation.keys() >= {"cff-version", "message", "title", "authors", "version", "license"}
    assert citation["cff-version"] == "1.2.0"
    assert str(citation["version"]) == genderscope.__version__
    assert all(reference["authors"] for reference in citation["references"])


@pytest.mark.parametrize("name", PAGES)
def test_links_between_pages_lead_somewhere(name):
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", page(name))
    for file, anchor in links:
        target = ROOT / "docs" / (file or name)
        assert target.exists(), file
        if anchor:
            assert anchor in anchors(target.read_text()), (file, anchor)


@pytest.mark.parametrize("name", QUOTING)
def test_commands_and_their_options_exist(name):
    group = typer.main.get_command(cli.app)
    for line in commands(page(name)):
        words = shlex.split(line, comments=True)[1:]
        context = group.make_context("genderscope", ["demo"])
        if words[0].startswith("-"):
            assert words[0] in {option for one in group.params for option in one.opts}, line
            continue
        command = group.get_command(context, words[0])
        assert command is not None, line
        # The parser alone: it knows the options, and looks at no file.
        command.make_parser(typer.Context(command)).parse_args(words[1:])


@pytest.mark.parametrize("kind", ["bug", "wrong_answer", "data_set"])
def test_issue_forms_have_what_hosting_sites_require(kind):
    yaml = pytest.importorskip("yaml", reason="needs the extra [dev]")
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / f"{kind}.yml").read_text())
    assert form.keys() >= {"name", "description", "body"}
    names = [field["id"] for field in form["body"] if field["type"] != "markdown"]
    assert len(names) == len(set(names)) > 0
