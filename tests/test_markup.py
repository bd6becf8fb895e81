"""Markdown as HTML for the page."""

import pytest

pytest.importorskip("fastapi", reason="needs the extra [serve]")

from genderscope.server.documentation import html


def test_headings_are_one_level_lower() -> None:
    assert html("# One\n\n## Two") == "<h2>One</h2>\n<h3>Two</h3>\n"


def test_tables_have_headers_for_columns_and_rows() -> None:
    table = html("| a | b |\n|---|--:|\n| x | 1 |\n| y | 2 |")
    assert table.count('<th scope="col">') == table.count('<th scope="row">') == 2
    assert table.count("<td>") == table.count("</td>") == 2
    assert table.count("</th>") == 4
    assert 'tabindex="0" role="group" aria-label="Table"' in table
    assert "style" not in table


def test_html_and_unsafe_links_are_escaped() -> None:
    text = html('<img src=x onerror="alert(1)"> [a](javascript:alert(1)) **b** `c`')
    assert "<img" not in text
    assert "<a" not in text
    assert "<strong>b</strong> <code>c</code>" in text
