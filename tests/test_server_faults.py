"""What bad clients do, to the service as people start it: in a process of its own."""

import shutil
import signal
import socket
import struct
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import serving
from genderscope.imaging import decode
from serving import problem, wait_until
from serving import serving as start

httpx = pytest.importorskip("httpx")
psutil = pytest.importorskip("psutil")
sockets = pytest.importorskip("websockets.sync.client")

from websockets.exceptions import ConnectionClosed  # noqa: E402

TOKEN = "a-token-of-some-length"
STRACE = shutil.which("strace")


@pytest.fixture(scope="module")
def served(model: str) -> Iterator[tuple[Any, Any]]:
    options = ("--max-body-mb", 2, "--header-timeout-s", 1, "--body-timeout-s", 1)
    with start("--workers", 1, *options) as (client, process):
        yield client, process


@pytest.fixture(scope="module")
def slow(portrait: Path) -> bytes:
    """A picture that takes the Haar cascade some tenths of a second."""
    large = cv2.resize(decode.read(portrait), (700, 700))
    return cv2.imencode(".jpg", large)[1].tobytes()


def inside(client: Any) -> int:
    [line] = [
        line
        for line in client.get("/metrics").text.splitlines()
        if line.startswith("genderscope_requests_inside ")
    ]
    return int(float(line.split()[1]))


def bomb(side: int) -> bytes:
    """A PNG of side x side white-less pixels, one bit each."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    packer = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    rows = b"".join(packer.compress(row * 1000) for _ in range(side // 1000)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def test_what_is_no_picture(served: tuple[Any, Any], portrait: Path) -> None:
    client, _ = served
    data = portrait.read_bytes()
    for content, status, words in (
        (b"x" * 2_000_001, 413, "exceeds the limit of 2,000,000 bytes"),
        (b"", 422, "the picture is empty"),
        (data[: len(data) // 2], 422, "the picture is broken"),
        (b"this is text", 422, "not a readable picture"),
    ):
        as_jpeg = {"content": content, "headers": {"Content-Type": "image/jpeg"}}
        for request in (as_jpeg, {"files": {"file": ("a.jpg", content, "image/jpeg")}}):
            for path in ("/v1/classify", "/v1/explain?format=png"):
                refused = client.post(path, **request)
                if refused.status_code != 501:
                    problem(refused, status, words)
    assert client.post("/v1/classify", content=data).status_code == 200


def test_a_bomb_is_refused_by_its_header(served: tuple[Any, Any]) -> None:
    client, process = served
    data = bomb(30_000)
    assert len(data) < 120_000

    def peak_mb() -> float:
        status = Path(f"/proc/{process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1e3

    before = peak_mb()
    refused = client.post("/v1/classify", content=data, timeout=10)
    problem(refused, 422, "pixels")
    assert peak_mb() - before < 100


def test_many_slow_clients_keep_nobody_out(served: tuple[Any, Any], portrait: Path) -> None:
    client, _ = served
    address = (client.base_url.host, client.base_url.port)
    post = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\n"
    body = b"Content-Length: 5000\r\n\r\nx"
    sockets = [socket.create_connection(address, timeout=20) for _ in range(60)]
    for number, one in enumerate(sockets):
        one.sendall(post + body if number % 2 else post)
    assert client.post("/v1/classify", content=portrait.read_bytes()).status_code == 200
    for number, one in enumerate(sockets):
        with one:
            said = one.recv(100)
            assert said.startswith(b"HTTP/1.1 408 ") if number % 2 else said == b""
    assert inside(client) == 0


def test_a_client_that_leaves_in_flight_frees_its_place(
    served: tuple[Any, Any], slow: bytes, portrait: Path
) -> None:
    client, process = served
    head = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(
        slow
    )
    address = (client.base_url.host, client.base_url.port)
    for sent in (head + slow[:100], head + slow):
        sockets = [socket.create_connection(address) for _ in range(6)]
        for one in sockets:
            one.sendall(sent)
        wait_until(lambda: inside(client) == 6)
        for one in sockets:
            one.close()
        wait_until(lambda: inside(client) == 0)
    assert client.post("/v1/classify", content=portrait.read_bytes()).status_code == 200
    assert process.poll() is None


def test_a_filename_leads_nowhere(served: tuple[Any, Any], portrait: Path) -> None:
    client, process = served
    before = set(Path(f"/proc/{process.pid}/cwd").iterdir())
    for name in ("../../secret-name.jpg", "/tmp/secret-name.jpg", "a\r\nb.jpg", "http://x/a.jpg"):
        answer = client.post("/v1/classify", files={"file": (name, portrait.read_bytes())})
        assert answer.status_code == 200
        assert "secret-name" not in answer.text
    assert set(Path(f"/proc/{process.pid}/cwd").iterdir()) == before
    assert not Path("/tmp/secret-name.jpg").exists()


def test_ten_times_too_many(model: str, portrait: Path) -> None:
    limits = ("--workers", 1, "--max-concurrent", 1, "--queue", 2)
    with start(*limits) as (client, _), ThreadPoolExecutor(30) as pool:

        def ask(_: int) -> int:
            response = client.post("/v1/classify", content=portrait.read_bytes())
            if response.status_code == 503:
                problem(response, 503, "try again")
            return int(response.status_code)

        statuses = Counter(pool.map(ask, range(60)))
        assert statuses.keys() == {200, 503}
        assert ask(0) == 200
        assert inside(client) == 0


def test_sigterm_lets_the_accepted_finish_and_refuses_the_rest(model: str, slow: bytes) -> None:
    with start("--workers", 1) as (client, process), ThreadPoolExecutor(3) as pool:

        def ask() -> Any:
            with httpx.Client(base_url=client.base_url, timeout=60) as own:
                return own.post("/v1/classify", content=slow)

        asked = [pool.submit(ask) for _ in range(3)]
        wait_until(lambda: inside(client) == 3)
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(client))
        assert not all(one.done() for one in asked)
        assert [one.result().status_code for one in asked] == [200] * 3
        _, errors = process.communicate(timeout=30)
        assert process.returncode == -signal.SIGTERM
        assert errors == ""


def refuses(client: Any) -> bool:
    with socket.socket() as one:
        return one.connect_ex((client.base_url.host, client.base_url.port)) != 0


def test_ctrl_c_is_130_and_nothing_is_logged_of_requests(model: str, portrait: Path) -> None:
    with start(GENDERSCOPE_TOKEN=TOKEN) as (client, process):
        problem(client.post("/v1/classify?model=secret"), 401, "a token is needed")
        wrong = {"Authorization": "Bearer a-token-of-other-length"}
        problem(client.post("/v1/classify", headers=wrong), 401, "a token is needed")
        right = {"Authorization": f"Bearer {TOKEN}"}
        for content, status in ((portrait.read_bytes(), 200), (b"secret", 422)):
            files = {"file": ("secret.jpg", content)}
            answer = client.post("/v1/classify", files=files, headers=right)
            assert answer.status_code == status
        client.get("/secret")
        live = f"ws://{client.base_url.host}:{client.base_url.port}/v1/live"
        with sockets.connect(live, additional_headers=right, proxy=None) as no_text:
            no_text.send(b"\xff", text=True)
            with pytest.raises(ConnectionClosed, match="1007"):
                no_text.recv(timeout=20)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
        assert (process.returncode, output, errors) == (130, "", "")


def large_form(portrait: Path) -> dict[str, Any]:
    """One file with a face, and one that a framework would not keep in memory."""
    black = cv2.imencode(".bmp", np.zeros((900, 900, 3), np.uint8))[1].tobytes()
    assert len(black) > 2**21
    return {"files": [("file", portrait.read_bytes()), ("file", black)]}


WATCHED = """
import os, sys

def watch(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if not isinstance(path, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            os.write(2, f"written: {path}\\n".encode())
    elif event in ("socket.connect", "socket.getaddrinfo", "urllib.Request", "os.mkdir"):
        host = arguments[0] if event == "socket.getaddrinfo" else None
        if host != "127.0.0.1":
            os.write(2, f"done: {event} {arguments}\\n".encode())

sys.addaudithook(watch)
from genderscope.cli import main
main()
"""


def test_no_file_is_written_and_no_connection_opened(
    model: str, portrait: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "COMMAND", [sys.executable, "-B", "-c", WATCHED])
    with start() as (client, process):
        for path in ("/v1/classify", "/v1/explain"):
            assert client.post(path, **large_form(portrait)).status_code in (200, 501)
        assert client.get("/").status_code == 200
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert errors == ""


@pytest.mark.skipif(STRACE is None, reason="needs strace")
def test_the_kernel_sees_no_file_written_and_no_connection_opened(
    model: str, portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As above, with what native libraries do."""
    calls = tmp_path / "calls"
    traced = (
        "trace=open,openat,creat,connect,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat"
    )
    watched = [str(STRACE), "-f", "-qq", "-e", traced, "-o", str(calls), *serving.COMMAND]
    monkeypatch.setattr(serving, "COMMAND", watched)
    with start(PYTHONDONTWRITEBYTECODE="1") as (client, process):
        for path in ("/v1/classify", "/v1/explain"):
            assert client.post(path, **large_form(portrait)).status_code in (200, 501)
        [child] = psutil.Process(process.pid).children()
        child.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    lines = calls.read_text().splitlines()
    assert any("mini_xception.onnx" in line for line in lines)  # it does see what is done
    harmful = [
        line
        for line in lines
        if ("open" not in line or any(flag in line for flag in ("WRONLY", "RDWR", "O_CREAT")))
        and " = -1 " not in line
        and "/dev/null" not in line
        and not line.split(maxsplit=1)[1].startswith(("---", "+++", "<..."))
    ]
    assert harmful == []
