"""Every shell and Python block of the README and of the site runs, or says why it does not."""

import shutil

import pytest

import documents

BLOCKS = [block for page in documents.PAGES for block in documents.blocks(page)]


@pytest.fixture(scope="session")
def prepared(shared, model, tmp_path_factory):
    pytest.importorskip("matplotlib", reason="needs the extra [eval]")
    folder = tmp_path_factory.mktemp("documents") / "prepared"
    folder.mkdir()
    documents.make_folder(folder)
    return folder


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "page",
    sorted({block.page for block in BLOCKS if block.runs}),
    ids=lambda page: str(page.relative_to(documents.ROOT)),
)
def test_the_blocks_run(page, prepared, tmp_path):
    for extra in documents.modules(page):
        pytest.importorskip(extra)
    folder = tmp_path / "here"
    shutil.copytree(prepared, folder, symlinks=True)
    documents.run(page, folder)


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.reason], ids=lambda block: block.name
)
def test_a_block_that_is_not_run_says_why(block):
    assert block.reason.startswith(("needs ", "takes ", "installs ")), block.reason
    pytest.skip(f"{block.name} {block.reason}")


def test_every_block_names_its_language():
    assert [block.name for block in BLOCKS if not block.language] == []
