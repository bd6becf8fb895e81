"""Tokens, origins, hosts and limits, without a server."""

import asyncio
from base64 import urlsafe_b64encode
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra [serve]")

from starlette.requests import HTTPConnection

from genderscope.core.errors import UsageError
from genderscope.server.access import TOKEN_SUBPROTOCOL, Hosts, check_origin, check_token
from genderscope.server.limits import Limits
from genderscope.server.problems import Problem

TOKEN = "a-token-of-some-length"


def connection(kind: str = "http", *protocols: str, **headers: str) -> HTTPConnection:
    named = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    return HTTPConnection({"type": kind, "headers": named, "subprotocols": list(protocols)})


@pytest.mark.parametrize(
    ("given", "right"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bEARER  {TOKEN} ", True),
        (f"Bearer {TOKEN[:-1]}", False),
        (f"Bearer {TOKEN} {TOKEN}", False),
        (f"Basic {TOKEN}", False),
        (TOKEN, False),
        ("Bearer ä", False),
        ("", False),
    ],
)
def test_the_header_holds_the_token(given: str, right: bool) -> None:
    if right:
        check_token(connection(authorization=given), TOKEN)
    else:
        with pytest.raises(Problem, match=r"^a token is needed.*TOKEN'$") as caught:
            check_token(connection(authorization=given), TOKEN)
        assert (caught.value.status, caught.value.headers) == (401, {"WWW-Authenticate": "Bearer"})
    check_token(connection(authorization=given), None)


def test_a_socket_may_offer_the_token_as_a_protocol() -> None:
    offered = TOKEN_SUBPROTOCOL + urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")
    check_token(connection("websocket", "genderscope", offered), TOKEN)
    check_token(connection("websocket", authorization=f"Bearer {TOKEN}"), TOKEN)
    for kind, protocol in (
        ("http", offered),
        ("websocket", offered.removeprefix(TOKEN_SUBPROTOCOL)),
        ("websocket", offered[:-2]),
        ("websocket", f"{TOKEN_SUBPROTOCOL}ä"),
        ("websocket", f"{TOKEN_SUBPROTOCOL}a"),
    ):
        with pytest.raises(Problem):
            check_token(connection(kind, protocol), TOKEN)


def test_pages_of_the_same_or_an_allowed_origin() -> None:
    check_origin(connection(host="faces.example"), ())
    check_origin(connection(host="faces.example:8", origin="http://faces.example:8"), ())
    for allowed in (["https://other.example"], ["*"]):
        check_origin(connection(host="x", origin="https://other.example"), allowed)
    for origin in ("null", "http://faces.example", "faces.example:8", "http://faces.example:80"):
        with pytest.raises(Problem, match=r"^this origin .* to allow it$") as caught:
            check_origin(connection(host="faces.example:8", origin=origin), ["https://a.example"])
        assert caught.value.status == 403


@pytest.mark.parametrize(
    ("host", "path", "status"),
    [
        ("localhost", "/", 200),
        ("LocalHost:1", "/", 200),
        ("127.0.0.1", "/", 200),
        ("[::1]:8000", "/", 200),
        ("faces.example:443", "/v1/models", 200),
        ("xfaces.example", "/", 403),
        ("faces.example.x", "/", 403),
        ("127.0.0.1:8000.example", "/", 403),
        (None, "/", 403),
        ("evil.example", "/healthz", 200),
        ("evil.example", "/readyz", 200),
        ("evil.example", "/healthz/", 403),
    ],
)
def test_hosts(host: str | None, path: str, status: int) -> None:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})

    answers: list[Any] = []

    async def send(message: Any) -> None:
        answers.append(message)

    headers = [] if host is None else [(b"host", host.encode())]
    scope = {"type": "http", "path": path, "headers": headers}
    for allowed in (["Faces.Example"], ["Faces.Example", "*"]):
        asyncio.run(Hosts(inner, allowed)(scope, None, send))  # type: ignore[arg-type]
    assert answers[0]["status"] == status
    refusal = b"this Host is not allowed; allow it with --allowed-host"
    assert (refusal in answers[1].get("body", b"")) == (status == 403)
    assert answers[-1]["status"] == 200
    asyncio.run(Hosts(inner, [])({"type": "lifespan"}, None, send))  # type: ignore[arg-type]


def test_limits() -> None:
    assert Limits(max_body_mb=2.5).max_body_bytes == 2_500_000
    assert Limits(queue=0).queue == 0
    for field, value in (("timeout_s", 0), ("queue", -1), ("max_files", -1), ("max_body_mb", -0.5)):
        with pytest.raises(UsageError, match=f"{field} must be positive and finite, not {value}"):
            Limits(**{field: value})
    with pytest.raises(UsageError, match="max_body_mb must be positive and finite, not nan"):
        Limits(max_body_mb=float("nan"))
