"""Reports as Markdown: every block, and text that stays text."""

import pytest

from genderscope.reporting.page import (
    Block,
    Figure,
    Items,
    Link,
    Section,
    Sheet,
    Table,
    markdown,
)


def of(block: Block) -> str:
    return markdown("T", (), [Section("S", [block])]).partition("## S\n\n")[2]


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("plain", "plain\n"),
        ("two\nlines", "two lines\n"),
        (Items(["a", "b"]), "- a\n- b\n"),
        (
            Table(["g", "n"], [["x|y", "1"], ["", "-2"]], "All"),
            "All\n\n| g | n |\n| --- | --: |\n| x\\|y | 1 |\n|  | -2 |\n",
        ),
        (Figure("<svg></svg>", "dots", "by race"), "Figure: dots. by race\n"),
        (Sheet([(b"", "a"), (b"", "b")], "faces"), "Figure: 2 pictures. faces\n"),
        (Link("a_b", "https://example.org/<x>"), "[a\\_b](<https://example.org/%3Cx%3E>)\n"),
        ("<b>*x*</b> # `y`", "\\<b\\>\\*x\\*\\</b\\> \\# \\`y\\`\n"),
        ("1. no list", "1\\. no list\n"),
        ("- no list", "\\- no list\n"),
        ("12 apples", "12 apples\n"),
        ("18.9 of them", "18.9 of them\n"),
    ],
)
def test_blocks(block, expected):
    assert of(block) == expected


def test_a_document_has_its_headings():
    text = markdown("A_b", ["Start"], [Section("One", ["1"]), Section("Two", ["2"])])
    assert text == "# A\\_b\n\nStart\n\n## One\n\n1\n\n## Two\n\n2\n"
