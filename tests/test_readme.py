"""The README and docs are current: code blocks run, tables match the result files, links work."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_python_block_runs(portrait, model, tmp_path, monkeypatch):
    shutil.copy(portrait, tmp_path / "portrait.jpg")
    monkeypatch.chdir(tmp_path)
    [code] = blocks("python")
    names: dict[str, object] = {}
    exec(code, names)
    [face] = names["faces"]
    assert face.prediction.label in ("woman", "man", "uncertain")


def test_the_classify_commands_run(portrait, model, tmp_path):
    for folder in ("photos", "faces"):
        (tmp_path / folder).mkdir()
        shutil.copy(portrait, tmp_path / folder)
    shutil.copy(portrait, tmp_path / "photo.jpg")
    commands = [
        line
        for block in blocks("sh")
        for line in block.splitlines()
        if re.match(r"genderscope (classify|models(?! pull)|datasets)", line)
    ]
    assert len(commands) >= 6
    for command in commands:
        words = shlex.split(command, comments=True)
        result = subprocess.run(
            [Path(sys.executable).with_name(words[0]), *words[1:]],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, (command, result.stderr)


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
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")],
    ids=lambda document: str(document.relative_to(ROOT)),
)
def test_every_link_to_a_file_leads_somewhere(document):
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
        assert (document.parent / link).exists(), link
