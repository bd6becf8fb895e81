"""Who may use the service: clients with the token, and no web pages of other origins."""

import hmac
from base64 import urlsafe_b64decode
from binascii import Error
from collections.abc import Collection

from starlette.requests import HTTPConnection

from genderscope.server.problems import Problem

SUBPROTOCOL = "genderscope"
# Browsers cannot set headers on a WebSocket, only protocols: one of them holds the token.
TOKEN_SUBPROTOCOL = "genderscope.token."
ANY_ORIGIN = "*"


def check_token(connection: HTTPConnection, token: str | None) -> None:
    """Check a client's token in constant time.

    Raises:
        Problem: 401.
    """
    if token is None:
        return
    candidates = [
        connection.headers.get("authorization", "").removeprefix("Bearer ").encode("latin-1")
    ]
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
    """Refuse web pages of other origins, which could otherwise use a service that only their
    visitor can reach. Clients other than browsers send no origin.

    Raises:
        Problem: 403.
    """
    origin = connection.headers.get("origin")
    if origin is None or origin in allowed or ANY_ORIGIN in allowed:
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
