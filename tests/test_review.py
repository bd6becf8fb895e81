"""The review of methods: each figure has a source, and what is made from the data is current."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import review  # noqa: E402

ARXIV = re.compile(r"arXiv:\d{4}\.\d{4,5}")
DOI = re.compile(r"10\.\d{4,9}/\S*[\w)]")


@pytest.fixture(scope="module")
def methods():
    return review.methods()


@pytest.fixture(scope="module")
def index():
    return (review.REVIEW / "index.md").read_text()


def test_every_row_has_a_source_and_says_how_it_was_checked(methods):
    for of in methods:
        assert of.source, of.key
        assert of.how, of.key


def test_keys_are_distinct(methods):
    assert len({of.key for of in methods}) == len(methods)


def test_there_are_forty_sources_or_more(methods):
    assert len({of.source for of in methods if of.checked != "ours"}) >= 40


def test_identifiers_and_addresses_have_their_form(methods):
    for of in methods:
        if of.doi_or_arxiv:
            pattern = ARXIV if of.doi_or_arxiv.startswith("arXiv:") else DOI
            assert pattern.fullmatch(of.doi_or_arxiv), of.key
        assert not of.url or of.url.startswith(("https://", "http://")), of.key


def test_years_and_figures_are_in_range(methods):
    for of in methods:
        assert 1985 <= of.year <= 2026, of.key
        if of.accuracy is not None:
            assert 40 <= of.accuracy <= 100, of.key
            assert of.metric, of.key
            assert of.protocol, of.key


def test_every_source_is_among_the_references(methods, index):
    references = index.partition("## References")[2]
    for of in methods:
        assert f'<a id="{of.key}"></a>{of.source} ({of.year}).' in references, of.key


def test_every_citation_leads_to_a_reference_or_a_heading(index):
    headings = re.findall(r"^#+ (.+)$", index, re.MULTILINE)
    anchors = {re.sub(r"[^\w]+", "-", heading.casefold()).strip("-") for heading in headings}
    anchors |= set(re.findall(r'<a id="([^"]+)">', index))
    assert set(re.findall(r"\]\(#([^)]+)\)", index)) <= anchors


def test_every_published_row_is_cited_in_the_text(methods, index):
    text = index.partition("<!-- comparison:begin -->")[0]
    for of in methods:
        assert of.checked == "ours" or f"(#{of.key})" in text, of.key


def test_figure_and_pages_are_current():
    review.main(["--check"])


def test_a_changed_page_is_noticed(monkeypatch, tmp_path):
    page = tmp_path / "index.md"
    page.write_text("<!-- counts:begin -->\nforty\n<!-- counts:end -->\n")
    monkeypatch.setattr(review, "REVIEW", tmp_path)
    with pytest.raises(SystemExit, match=r"index\.md"):
        review.main(["--check"])


def test_the_figure_is_light_and_carries_its_digest(methods):
    assert review.FIGURE.stat().st_size < 100_000
    assert review.digest(methods) in review.FIGURE.read_text()
