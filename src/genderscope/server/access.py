"""Access control: host names, the token, and the origins of web pages."""

import hmac
import re
from base64 import urlsafe_b64decode
from binascii import Error
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from genderscope.server.problems import Problem

SUBPROTOCOL = "genderscope"
# Browsers cannot set headers on a WebSocket, only protocols: one of them holds the token.
TOKEN_SUBPROTOCOL = "genderscope.token."
ANY = "*"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
PROBES = frozenset({"/healthz", "/readyz"})  # orchestrators use addresses as names


class Hosts:
    """Middleware that refuses names that are not the service's, since a web page can point its own
    name at this address (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        self._app, self._allowed = app, LOOPBACK.union(name.lower() for name in allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp = self._app
        if scope["type"] != "lifespan" and scope["path"] not in PROBES:
            host = re.sub(r":\d*$", "", Headers(scope=scope).get("host", "").lower())
            if self._allowed.isdisjoint({host, ANY}):
                refusal = Problem(403, "this Host is not allowed; allow it with --allowed-host")
                app = refusal.response()
        await app(scope, receive, send)


def check_token(connection: HTTPConnection, token: str | None) -> None:
    """Check a client's token in constant time; raises ``Problem``, 401."""
    if token is None:
        return
    scheme, _, credentials = connection.headers.get("authorization", "").partition(" ")
    candidates = [credentials.strip().encode("latin-1")] if scheme.lower() == "bearer" else []
    if connection.scope["type"] == "websocket":
        candidates += [
            _decoded(protocol.removeprefix(TOKEN_SUBPROTOCOL))
            for protocol in connection.scope["subprotocols"]
            if protocol.startswith(TOKEN_SUBPROTOCOL)
        ]
    if not any(hmac.compare_digest(candidate, token.encode()) for candidate in candidates):
        raise Problem(
            401,
            "a token is needed: send the header 'Authorization: Bearer TOKEN'",
            {"WWW-Authenticate": "Bearer"},
        )


def check_origin(connection: HTTPConnection, allowed: Collection[str]) -> None:
    """Refuse web pages of other origins with 403: they could otherwise use a service that only
    their visitor can reach. Clients other than browsers send no origin.
    """
    origin = connection.headers.get("origin")
    if origin is None or origin in allowed or ANY in allowed:
        return
    if origin.partition("://")[2] != connection.headers.get("host"):
        raise Problem(
            403, "this origin is not allowed; start the service with --allow-origin to allow it"
        )


def _decoded(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Error, ValueError):
        return b""
