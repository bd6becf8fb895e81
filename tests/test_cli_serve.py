"""``genderscope serve`` as people start it."""

import re
import shlex
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import serving
from genderscope import cli
from genderscope.core.extras import installation
from genderscope.inference.classifier import WEIGHTS

connections = pytest.importorskip("genderscope.server.connections")
httpx = pytest.importorskip("httpx", reason="needs the extra [serve]")
TOKEN = "a-token-of-some-length"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*serving.COMMAND, "serve", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "0.0.0.0 can be reached from other machines: set a --token"),
        (["--host", "0.0.0.0", "--token", "short"], "a token needs at least 16 characters"),
        (["--token", "sixteen characterś"], "a token needs at least 16 characters, all printable"),
        (["--model", "none"], "no model 'none'"),
        (["--detector", "none"], "no detector 'none'; there are: haar, yunet"),
        (["--detector-model", "none"], "YuNet's weights are missing (none)"),
        (["--token", "sixteen character"], "a token needs at least 16 characters, all printable"),
        (["--timeout-s", "0"], "timeout_s must be positive and finite, not 0.0"),
        (["--timeout-s", "inf"], "timeout_s must be positive and finite, not inf"),
        (["--max-body-mb", "-1"], "max_body_mb must be positive and finite, not -1.0"),
        (["--queue", "-1"], "queue must be positive and finite, not -1"),
        (["--host", "a..b", "--token", "0123456789abcdef"], "a..b is not a valid host name"),
        (["--allow-origin", "https://example.org/"], "'https://example.org/' is not an origin"),
        (["--allow-origin", "example.org"], "'example.org' is not an origin; write"),
        (["--allowed-host", "https://example.org"], "'https://example.org' is not a host name"),
        (["--allowed-host", "example.org:8000"], "'example.org:8000' is not a host name; write"),
        (["--allowed-host", "::1"], "'::1' is not a host name"),
    ],
)
def test_what_cannot_be_is_one_line_and_2(arguments: list[str], message: str, model: str) -> None:
    done = CliRunner().invoke(cli.app, ["serve", "--port", "0", *arguments])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"genderscope: {message}")
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_one_line_and_2(model: str) -> None:
    with closing(connections.listen("127.0.0.1", 0, None)) as taken:
        port = taken.getsockname()[1]
        done = run("--detector", "haar", "--port", port)
    assert done.returncode == 2
    another = re.fullmatch(rf"genderscope: port {port} is in use; try --port (\d+)\n", done.stderr)
    assert another
    assert 0 <= int(another[1]) != port


def test_the_page_is_opened_on_request(model: str, tmp_path: Path) -> None:
    browser, address = tmp_path / "browser", tmp_path / "address"
    browser.write_text(f'#!/bin/sh\necho "$1" > {address}\n')
    browser.chmod(0o755)
    with serving.serving("--open", BROWSER=f"{browser} %s") as (client, _):
        serving.wait_until(lambda: address.is_file() and address.read_text() != "")
        assert address.read_text().strip().rstrip("/") == str(client.base_url).rstrip("/")


def test_without_a_browser_the_page_is_named(model: str) -> None:
    with serving.serving("--open", PATH="", BROWSER="") as (client, process):
        process.terminate()
        _, errors = process.communicate(timeout=30)
    address = str(client.base_url).rstrip("/")
    assert errors == f"no browser was found; open {address} yourself\n"


def test_a_closed_standard_output_does_not_stop_it(model: str) -> None:
    command = [*serving.COMMAND, "serve", "--port", "0", "--detector", "haar"]
    shell = f"exec {shlex.join(command)} >&-"
    process = subprocess.Popen(shell, shell=True, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    try:
        address = process.stderr.readline().split()[-1]
        assert httpx.get(f"{address}/healthz", timeout=60, trust_env=False).status_code == 200
    finally:
        process.kill()
        process.communicate()


def test_a_missing_extra_is_one_line(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys; sys.modules['fastapi'] = None\nfrom genderscope.cli import main; main()"
    monkeypatch.setattr(serving, "COMMAND", [sys.executable, "-c", code])
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"genderscope: this needs fastapi: {installation('serve')}\n"


def test_options_reach_the_service(model: str, portrait: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes((WEIGHTS / f"{model}.onnx").read_bytes())
    options = ("--host", "0.0.0.0", "--model", other, "--max-files", 1, "--max-pixels", 300_000)
    origin = "https://page.example"
    with serving.serving(*options, "--allow-origin", origin, GENDERSCOPE_TOKEN=TOKEN) as (
        client,
        _,
    ):
        client.base_url = f"http://127.0.0.1:{client.base_url.port}"
        headers = {"Authorization": f"Bearer {TOKEN}", "Origin": origin}

        def ask(*files: bytes, **more: Any) -> Any:
            sent = [("file", file) for file in files]
            return client.post("/v1/classify", files=sent, headers=headers, **more)

        good = ask(portrait.read_bytes())
        assert good.json()["model"] == model
        assert good.headers["access-control-allow-origin"] == origin
        serving.problem(ask(b"", b""), 413, "more than 1 files")
        serving.problem(client.post("/v1/classify"), 401, "a token is needed")
        listed = client.get("/v1/models", headers=headers).json()
        assert listed["default"] == model
        assert client.get(listed["models"][0]["network"], headers=headers).status_code == 200
