"""The documentation site: built without a warning, and complete without any other site."""

import os
import re
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="needs the extra [docs]")
ROOT = Path(__file__).parents[1]
PAGES = ("index", "tutorials/pictures", "commands", "faq", "api")
"""Those that axe looks at."""
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


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address(site):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_pages_are_accessible_and_the_search_works_from_files(site, address):
    browsing = pytest.importorskip("browsing", reason="needs the extra [dev]")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs [dev]")
    if browsing.CHROMIUM is None:
        pytest.skip("needs chromium")
    found = {}
    with browsing.chromium() as browser:
        for scheme in ("light", "dark"):
            with browsing.opened(browser, address, "main", color_scheme=scheme) as page:
                page.set_default_timeout(120_000)
                for name in PAGES if scheme == "light" else PAGES[:1]:
                    page.goto(f"{address}{name}.html")
                    for rule in axe.Axe().run(page).response["violations"]:
                        nodes = [node["html"][:120] for node in rule["nodes"][:3]]
                        found[f"{name}, {scheme}: {rule['id']}"] = nodes
        page = browser.new_page()
        page.goto((site / "index.html").as_uri())
        page.locator(".md-search__input").focus()
        page.keyboard.type("raspberry", delay=50)
        page.wait_for_selector(".md-search-result >> text=Raspberry", timeout=60_000)
    assert not found
