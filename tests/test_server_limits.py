import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import hostile
from fakes import BrightnessClassifier
from genderscope.core.errors import UsageError
from genderscope.imaging import decode
from serving import Gated, engine_of, fake_engine, problem, running, wait_until

httpx = pytest.importorskip("httpx")
psutil = pytest.importorskip("psutil")

from genderscope.server import bodies  # noqa: E402
from genderscope.server.connections import listen  # noqa: E402
from genderscope.server.engine import Model  # noqa: E402
from genderscope.server.limits import Limits  # noqa: E402
from genderscope.server.problems import Problem  # noqa: E402

PICTURE = cv2.imencode(".png", np.full((30, 40, 3), 90, np.uint8))[1].tobytes()
TOKEN = "a-token-of-some-length"
ORIGIN = "https://elsewhere.example"
QUICK = {"header_timeout_s": 1.0, "body_timeout_s": 1.0}


def talk(client: Any, *parts: bytes, pause_s: float = 0) -> bytes:
    """What the server says until it closes the connection."""
    with closing(socket.create_connection((client.base_url.host, client.base_url.port))) as end:
        end.settimeout(20)
        for part in parts:
            end.sendall(part)
            time.sleep(pause_s)
        said = b""
        while data := end.recv(65536):
            said += data
        return said


POST = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    limits = Limits(max_body_mb=0.01, max_files=3, **QUICK)
    with running(fake_engine(Gated(), limits=decode.Limits(2_000)), limits) as client:
        yield client


def chunks(size: int) -> Iterator[bytes]:
    for _ in range(size // 1000):
        yield b"x" * 1000


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        ({"content": b"x" * 10_001}, 413, "exceeds the limit of 10,000 bytes"),
        ({"content": chunks(11_000)}, 413, "exceeds the limit of 10,000 bytes"),
        ({"files": [("file", PICTURE)] * 4}, 413, "more than 3 files"),
        ({"content": b""}, 422, "is empty"),
        ({"files": {"file": b""}}, 422, "is empty"),
        ({"files": {"other": PICTURE}}, 422, "in fields named 'file'"),
        ({"files": {"file": PICTURE}, "data": {"url": "http://x/a.jpg"}}, 422, "no other fields"),
        ({"data": {"file": "http://x/a.jpg"}}, 415, "send a multipart form"),
        ({"json": {"url": "http://x/a.jpg"}}, 415, "send a multipart form"),
        ({"content": b"http://x/a.jpg"}, 422, "not a readable picture"),
        ({"content": PICTURE, "params": {"model": "none"}}, 422, "available: brightness"),
        ({"content": PICTURE, "params": {"min_confidence": 2}}, 422, "less than or equal to 1"),
        ({"content": PICTURE, "params": {"min_confidence": "nan"}}, 422, "query min_confidence"),
        ({"content": PICTURE, "params": {"url": "http://x"}}, 422, "query url"),
        (
            {"content": PICTURE, "params": {"model": ["brightness"] * 2}},
            422,
            "model: given 2 times",
        ),
        ({"content": PICTURE, "headers": {"Origin": ORIGIN}}, 403, "--allow-origin"),
        ({"content": PICTURE, "headers": {"Origin": "null"}}, 403, "--allow-origin"),
    ],
)
def test_refusals(client: Any, request_: dict[str, Any], status: int, words: str) -> None:
    problem(client.post("/v1/classify", **request_), status, words)
    assert client.post("/v1/classify", content=PICTURE).status_code == 200


def form(*parts: str, end: str = "--b--\r\n") -> bytes:
    return "".join(f"--b\r\n{part}\r\n" for part in parts).encode() + end.encode()


FILE = 'Content-Disposition: form-data; name="file"\r\n\r\nabc'


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (form(FILE), "multipart/form-data", 400),
        (form(FILE), 'multipart/form-data; boundary="b"', [b"abc"]),
        (form(FILE, FILE), "Multipart/Form-Data; boundary=b", [b"abc", b"abc"]),
        (form(FILE), "multipart/form-data; boundary=other", 400),
        (form(FILE), f"multipart/form-data; boundary={'b' * 999}", 400),
        (form(FILE, end=""), "multipart/form-data; boundary=b", 400),
        (form(FILE)[:40], "multipart/form-data; boundary=b", 400),
        (form(), "multipart/form-data; boundary=b", 422),
        (b"", "multipart/form-data; boundary=b", 400),
        (form("Content-Type: image/jpeg\r\n\r\nabc"), "multipart/form-data; boundary=b", 422),
        (form(f"{FILE[:43]}\r\n{FILE}"), "multipart/form-data; boundary=b", 422),
        (form(*[FILE] * 4), "multipart/form-data; boundary=b", 413),
        (b"abc", "", [b"abc"]),
        (b"abc", "image/anything", [b"abc"]),
        (b"abc", "text/plain", 415),
        (b"abc", ";", [b"abc"]),
    ],
)
def test_bodies(body: bytes, content_type: str, status: int | list[bytes]) -> None:
    if isinstance(status, list):
        assert bodies.pictures(body, content_type, max_files=3) == status
        return
    with pytest.raises(Problem) as caught:
        bodies.pictures(body, content_type, max_files=3)
    assert caught.value.status == status


def test_too_many_pixels_are_refused(client: Any) -> None:
    large = cv2.imencode(".png", np.zeros((50, 50, 3), np.uint8))[1].tobytes()
    problem(client.post("/v1/classify", content=large), 422, "2,500 pixels, above the limit")


def test_a_token_keeps_others_out() -> None:
    engine = fake_engine(Gated())
    with running(engine, token=TOKEN) as client:
        for given in (
            None,
            "",
            "Bearer",
            TOKEN,
            f"Basic {TOKEN}",
            f"Bearer {TOKEN}x",
            f"Bearer {TOKEN[:-1]}",
            "Bearer ä",
        ):
            headers = {} if given is None else {"Authorization": given.encode()}
            for method, path in (("POST", "/v1/classify"), ("GET", "/v1/models")):
                refused = client.request(method, path, headers=headers)
                problem(refused, 401, "Authorization: Bearer TOKEN")
                assert refused.headers["www-authenticate"] == "Bearer"
                assert TOKEN not in refused.text
            problem(client.get("/metrics", headers=headers), 401, "a token is needed")
        for path in ("/healthz", "/readyz", "/", "/openapi.json"):  # they tell nothing
            assert client.get(path).status_code == 200
        for scheme in ("bearer", "BEARER ", "Bearer"):
            right = {"Authorization": f"{scheme} {TOKEN}"}
            assert client.post("/v1/classify", content=PICTURE, headers=right).status_code == 200
        assert client.get("/metrics", headers=right).status_code == 200


def test_cors_is_closed_unless_an_origin_is_allowed() -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    with running(fake_engine(Gated())) as client:
        assert client.options("/v1/classify", headers=asked).status_code == 405
        same = {"Origin": str(client.base_url).rstrip("/")}
        response = client.post("/v1/classify", content=PICTURE, headers=same)
        assert response.status_code == 200
        assert not any(name.startswith("access-control") for name in response.headers)
    with running(fake_engine(Gated()), allow_origins=[ORIGIN]) as client:
        assert client.options("/v1/classify", headers=asked).status_code == 200
        response = client.post("/v1/classify", content=PICTURE, headers={"Origin": ORIGIN})
        assert response.headers["access-control-allow-origin"] == ORIGIN
        assert response.headers["access-control-expose-headers"] == "Retry-After"
        others = {"Origin": "https://other.example"}
        problem(client.post("/v1/classify", content=PICTURE, headers=others), 403, "--allow-origin")


def test_only_known_hosts_are_answered() -> None:
    """A page that points its own name at this address gets nothing (DNS rebinding)."""
    with running(fake_engine(Gated()), allowed_hosts=["Faces.example"]) as client:
        for host in ("evil.example", "localhost.evil.example", "", "127.0.0.1.example:8000", "*"):
            for path in ("/v1/models", "/", "/openapi.json"):
                problem(client.get(path, headers={"Host": host}), 403, "--allowed-host")
            assert client.get("/healthz", headers={"Host": host}).status_code == 200
        for host in ("localhost", "LOCALHOST:80", "127.0.0.1", "[::1]:8000", "faces.EXAMPLE:443"):
            assert client.get("/openapi.json", headers={"Host": host}).status_code == 200
        said = talk(client, upgrade("/v1/live", host="evil.example"))
        assert said.startswith(b"HTTP/1.1 403 ")
    with running(fake_engine(Gated()), allowed_hosts=["*"]) as client:
        assert client.get("/", headers={"Host": "any.example"}).status_code == 200


def upgrade(path: str, *, host: str = "localhost", key: str = "AAAAAAAAAAAAAAAAAAAAAA==") -> bytes:
    lines = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
    head = "\r\n".join((f"GET {path} HTTP/1.1", f"Host: {host}", *lines))
    return f"{head}\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # TLS
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no host
        (b"GET /" + b"x" * 70_000, 400),
        (POST + b"Content-Length: -1\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (upgrade("/v1/live", key="short"), 400),
        (upgrade("/v1/live").replace(b"GET", b"POST"), 405),
        (upgrade("/v1/live").replace(b": 13", b": 12"), 400),
        (upgrade("/nowhere"), 404),
        (upgrade("/web/main.js"), 404),
    ],
)
def test_errors_of_the_protocol_are_problems(client: Any, request_: bytes, status: int) -> None:
    head, _, body = talk(client, request_).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"application/problem+json" in head.lower()
    assert json.loads(body)["status"] == status
    assert client.post("/v1/classify", content=PICTURE).status_code == 200


def test_overload_is_refused_at_once_and_passes() -> None:
    detector = Gated()
    limits = Limits(max_concurrent=1, queue=2)
    with running(fake_engine(detector), limits) as client, ThreadPoolExecutor(30) as pool:
        detector.gate.clear()

        def ask() -> Any:
            return client.post("/v1/classify", content=PICTURE)

        accepted = [pool.submit(ask) for _ in range(3)]
        wait_until(lambda: "requests_inside 3.0" in client.get("/metrics").text)
        for refused in [pool.submit(ask) for _ in range(30)]:
            problem(refused.result(), 503, "all 3 places are taken")
            assert refused.result().headers["retry-after"] == "1"
        assert detector.working == 1
        assert client.get("/healthz").status_code == 200
        detector.gate.set()
        assert [one.result().status_code for one in accepted] == [200] * 3
        assert ask().status_code == 200
        assert "requests_inside 0.0" in client.get("/metrics").text


def test_large_pictures_keep_no_small_one_waiting() -> None:
    large = hostile.jpeg_of_scans(1000, 80)
    with running(fake_engine(Gated())) as client, ThreadPoolExecutor(3) as pool:

        def ask(_: int) -> Any:
            return client.post("/v1/classify", content=large)

        asked = [pool.submit(ask, number) for number in range(3)]
        wait_until(lambda: "requests_inside 3.0" in client.get("/metrics").text)
        assert client.post("/v1/classify", content=PICTURE).status_code == 200
        assert not all(one.done() for one in asked)
        assert [one.result().status_code for one in asked] == [200] * 3


def test_what_takes_too_long_is_a_504_and_leaves_its_place() -> None:
    detector = Gated()
    limits = Limits(max_concurrent=2, queue=0, timeout_s=1)
    with running(fake_engine(detector), limits) as client, ThreadPoolExecutor(2) as pool:
        detector.gate.clear()
        for asked in [pool.submit(client.post, "/v1/classify", content=PICTURE) for _ in "ab"]:
            problem(asked.result(), 504, "more than 1 s")
        assert detector.working == 1  # one thread; the other's picture was never begun
        detector.gate.set()
        wait_until(lambda: not detector.working)
        assert client.post("/v1/classify", content=PICTURE).status_code == 200


def test_decoding_that_nobody_waits_for_is_ended() -> None:
    slow = hostile.pgm_in_words(2000)
    engine = fake_engine(Gated(), limits=decode.Limits(max_seconds=200))
    with running(engine, Limits(timeout_s=0.2)) as client:
        problem(client.post("/v1/classify", content=slow), 504, "more than 0.2 s")
        children = psutil.Process().children
        wait_until(lambda: all(child.status() == "sleeping" for child in children()))


def test_a_slow_header_is_cut(client: Any) -> None:
    assert talk(client, b"") == b""
    assert talk(client, POST) == b""
    # Also the second one, though the first was in time.
    said = talk(client, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", POST)
    assert said.startswith(b"HTTP/1.1 200 OK")
    assert said.count(b"HTTP/1.1") == 1


def test_a_header_in_drops_is_cut(client: Any) -> None:
    """Each drop comes soon after the last, the whole never."""
    with pytest.raises(ConnectionError):
        talk(client, *[b"x"] * 2000, pause_s=0.01)


def test_a_slow_body_is_cut(client: Any) -> None:
    said = talk(client, POST + b"Content-Length: 5000\r\n\r\n", b"x" * 100)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in said
    assert b"arrived too slowly" in said


def test_a_body_that_goes_on_after_its_refusal_is_cut(client: Any) -> None:
    """It is read for a while, so that the refusal arrives, and not for ever."""
    heard: list[bytes] = []

    def drops() -> None:
        head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        part = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
        address = (client.base_url.host, client.base_url.port)
        with closing(socket.create_connection(address)) as end:
            end.sendall(head)
            try:
                for _ in range(2000):
                    end.sendall(part)
                    if not heard:
                        end.settimeout(0.01)
                        try:
                            heard.append(end.recv(65536))
                        except TimeoutError:
                            end.settimeout(20)
                    time.sleep(0.01)
            except OSError:
                heard.append(b"cut")

    thread = threading.Thread(target=drops)
    thread.start()
    thread.join(60)
    assert heard[0].startswith(b"HTTP/1.1 413 ")
    assert heard[1] == b"cut"


def test_a_response_that_nobody_reads_is_cut(tmp_path: Path) -> None:
    file = tmp_path / "large.onnx"
    with file.open("wb") as large:
        large.truncate(50_000_000)
    engine = engine_of({"brightness": Model(BrightnessClassifier(), None, file)}, Gated())
    with running(engine, Limits(timeout_s=0.5)) as client:
        address = (client.base_url.host, client.base_url.port)
        with closing(socket.create_connection(address)) as end:
            end.settimeout(20)
            end.sendall(b"GET /v1/models/brightness/network HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(2)
            assert sum(map(len, iter(partial(end.recv, 65536), b""))) < 50_000_000
        assert len(client.get("/v1/models/brightness/network").content) == 50_000_000


def test_a_refused_connection_is_used_again(client: Any) -> None:
    with httpx.Client(base_url=client.base_url, limits=httpx.Limits(max_connections=1)) as other:
        for _ in range(3):
            problem(other.post("/v1/classify", content=b"x" * 500_000), 413, "exceeds the limit")
            assert other.post("/v1/classify", content=PICTURE).status_code == 200


@pytest.mark.parametrize("field", [field.name for field in fields(Limits)])
@pytest.mark.parametrize("value", [-1, 0, float("nan")])
def test_a_limit_that_is_none_is_refused(field: str, value: float) -> None:
    if (field, value) == ("queue", 0):
        assert Limits(queue=0).queue == 0
        return
    with pytest.raises(UsageError, match=f"{field} must be positive"):
        Limits(**{field: value})


def test_only_loopback_without_a_token() -> None:
    with pytest.raises(UsageError, match=r"0\.0\.0\.0 can be reached from other machines"):
        listen("0.0.0.0", 0, None)
    for host, token in (("127.0.0.1", None), ("localhost", None), ("0.0.0.0", TOKEN)):
        listen(host, 0, token).close()
    with (
        closing(listen("127.0.0.1", 0, None)) as taken,
        pytest.raises(UsageError, match=r"port \d+ is in use; try --port \d+"),
    ):
        listen("127.0.0.1", taken.getsockname()[1], None)
    with pytest.raises(UsageError, match="cannot listen on"):
        listen("no.such.host.invalid", 0, TOKEN)
