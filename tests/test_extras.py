"""The command that installs a missing extra, by where the package came from."""

import importlib.metadata
import json
from types import SimpleNamespace
from typing import Any

import pytest

from genderscope.core.extras import installation


@pytest.mark.parametrize(
    ("origin", "installer", "command"),
    [
        (None, "pip", "pip install 'genderscope[heif]'"),
        (None, "uv", "uv pip install 'genderscope[heif]'"),
        (
            {"url": "file:///my%20code", "dir_info": {"editable": True}},
            "pip",
            "pip install -e '/my code[heif]'",
        ),
        ({"url": "file:///code", "dir_info": {}}, "pip", "pip install '/code[heif]'"),
        (
            {"url": "https://h.org/g", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "pip",
            "pip install 'genderscope[heif] @ git+https://h.org/g@abc'",
        ),
        (
            {"url": "file:///g.whl", "archive_info": {}},
            "pip",
            "pip install 'genderscope[heif] @ file:///g.whl'",
        ),
    ],
)
def test_a_missing_extra_is_installed_as_the_package_was(
    monkeypatch: pytest.MonkeyPatch, origin: dict[str, Any] | None, installer: str, command: str
) -> None:
    texts = {"direct_url.json": origin and json.dumps(origin), "INSTALLER": f"{installer}\n"}
    installed = SimpleNamespace(read_text=texts.get)
    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: installed)
    assert installation("heif") == command
