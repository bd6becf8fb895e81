"""Pages: everything is escaped, nothing is fetched, and the document is whole."""

from base64 import b64decode

import cv2
import numpy as np
import pytest

from genderscope.reporting import page, plots
from html_outline import Outline, assert_self_contained

NASTY = """<script>alert("x")</script> & 'y' <img src=x onerror=z>"""
PICTURES = {
    kind: cv2.imencode(f".{kind}", np.full((4, 6, 3), 90, np.uint8))[1].tobytes()
    for kind in ("png", "jpeg")
}


def of(*blocks: page.Block) -> str:
    return page.page("Title", (), [page.Section("Section", blocks)])


@pytest.mark.parametrize(
    "block",
    [
        NASTY,
        page.Items([NASTY]),
        page.Table([NASTY, "n"], [["a", NASTY], [NASTY, "b"]], NASTY),
        page.Figure("<svg></svg>", NASTY, NASTY),
        page.Figure(PICTURES["png"], NASTY, NASTY),
        page.Sheet([(PICTURES["png"], NASTY)], NASTY),
        page.Link(NASTY, f"https://example.org/{NASTY}"),
    ],
)
def test_escapes_everything(block):
    outline = assert_self_contained(of(block))
    said = [*(value for _, held in outline.tags for value in held.values()), outline.text]
    assert any(NASTY in text for text in said)


def test_escapes_titles():
    html = page.page(NASTY, [NASTY], [page.Section(NASTY, ())])
    outline = assert_self_contained(html)
    assert outline.text.count(NASTY) == 5  # title, heading, introduction, contents, section


def test_a_page_is_a_document_with_contents_and_headings():
    html = page.page("T", ["I"], [page.Section("A", ["a"]), page.Section("B", ["b"])])
    outline = assert_self_contained(html)
    assert html.startswith("<!doctype html>")
    assert outline.named("html") == [{"lang": "en"}]
    targets = [held["href"] for held in outline.named("a")]
    assert targets == [f"#{held['id']}" for held in outline.named("section")]
    assert [len(outline.named(tag)) for tag in ("main", "h1", "h2", "nav")] == [1, 1, 2, 1]
    assert "default-src 'none'" in outline.named("meta")[1]["content"]
    assert outline.text == "T T I A B A a B b"


def test_a_table_has_headers_for_columns_and_rows():
    outline = Outline(of(page.Table(["label", "n"], [["woman", "1"], ["man", "2"]], "all")))
    assert [held["scope"] for held in outline.named("th")] == ["col", "col", "row", "row"]
    assert len(outline.named("td")) == len(outline.named("tr")) - 1 == 2
    assert outline.text.endswith("all label n woman 1 man 2")


@pytest.mark.parametrize("kind", PICTURES)
def test_pictures_lie_in_the_page(kind):
    html = of(
        page.Figure(PICTURES[kind], "one"), page.Sheet([(PICTURES[kind], "two")] * 2, "caption")
    )
    images = assert_self_contained(html).named("img")
    assert [image["alt"] for image in images] == ["one", "two", "two"]
    for image in images:
        start, _, data = image["src"].partition(",")
        assert start == f"data:image/{kind};base64"
        assert b64decode(data) == PICTURES[kind]


def test_a_drawing_has_a_name_and_the_colour_of_the_text():
    pytest.importorskip("matplotlib", reason="needs the eval extra")
    drawings = [
        plots.bars(["$a$", NASTY], {"woman": [1, 2], "man": [3, 0]}, "pictures"),
        plots.bars(["one", "two"], {"pictures": [1, 2]}, "pictures"),
        plots.histogram([0, 1, 2], {"woman": [5, 2_000], "man": [0, 1]}, "age in years"),
        plots.histogram([0, 1, 2], {"woman": [5, 2_000], "man": [0, 1]}, "age in years"),
    ]
    assert drawings[2] == drawings[3]  # no date, no random ids
    html = of(*(page.Figure(drawing, f"drawing {n}") for n, drawing in enumerate(drawings)))
    outline = assert_self_contained(html)
    named = [(held["role"], held["aria-label"]) for held in outline.named("svg")]
    assert named == [("img", f"drawing {n}") for n in range(4)]
    for text in ("$a$", f"{NASTY[:47]}…", "2,000", "age in years", "woman"):
        assert text in outline.text
    assert "currentColor" in html
    assert plots.INK not in html
    assert "//" not in "".join(drawings)


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "page.html", ""])
def test_a_link_leads_to_the_web_only(address):
    with pytest.raises(ValueError, match="a link must start with https"):
        page.Link("text", address)


def test_a_table_is_rectangular():
    with pytest.raises(ValueError, match="must have 2 cells"):
        page.Table(["a", "b"], [["1"]])
