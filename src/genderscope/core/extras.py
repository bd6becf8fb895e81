"""Optional dependencies, imported only where they are needed."""

from importlib import import_module
from types import ModuleType

from genderscope.core.errors import MissingExtra


def require(module: str, extra: str) -> ModuleType:
    """Import ``module``; ``MissingExtra`` names the command that installs it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtra(f"this needs {error.name}: {installation(extra)}") from error


def installation(extra: str) -> str:
    """The command that adds an extra to this installation, from its recorded origin (PEP 610)."""
    import json
    from importlib.metadata import PackageNotFoundError, distribution
    from shlex import quote
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    package, tool = f"genderscope[{extra}]", "pip"
    try:
        installed = distribution("genderscope")
        origin = json.loads(installed.read_text("direct_url.json") or "{}")
        tool = "uv pip" if (installed.read_text("INSTALLER") or "").strip() == "uv" else tool
    except (PackageNotFoundError, ValueError):
        origin = {}
    if url := origin.get("url"):
        if vcs := origin.get("vcs_info"):
            url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
        if "dir_info" in origin:
            package = f"{url2pathname(urlsplit(url).path)}[{extra}]"
        else:
            package = f"{package} @ {url}"
    edit = "-e " if origin.get("dir_info", {}).get("editable") else ""
    return f"{tool} install {edit}{quote(package)}"
