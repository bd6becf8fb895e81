"""Who may ask: a token where one is set, and no web page from elsewhere. Knows no answers."""

import hmac
from base64 import urlsafe_b64decode
from binascii import Error
from collections.abc import Collection

from starlette.requests import HTTPConnection

from genderscope.server.problems import Problem

SUBPROTOCOL = "genderscope"
# A browser gives a WebSocket no header of its own but a list of protocols: the token is in one.
TOKEN_SUBPROTOCOL = "genderscope.token."
ANY_ORIGIN = "*"


def check_token(connection: HTTPConnection, token: str | None) -> None:
    """Compare in constant time what a client gave with the token.

    Raises:
        Problem: 401.
    """
    if token is None:
        return
    given = [connection.headers.get("authorization", "").removeprefix("Bearer ").encode("latin-1")]
    if connection.scope["type"] == "websocket":
        given += [
            _decoded(protocol.removeprefix(TOKEN_SUBPROTOCOL))
            for protocol in connection.scope["subprotocols"]
            if protocol.startswith(TOKEN_SUBPROTOCOL)
        ]
    if not any(hmac.compare_digest(one, token.encode()) for one in given):
        raise Problem(
            401,
            "a token is needed: send the header 'Authorization: Bearer TOKEN'",
            {"WWW-Authenticate": "Bearer"},
        )


def check_origin(connection: HTTPConnection, allowed: Collection[str]) -> None:
    """Refuse a web page of another origin, which could else use a service that only its visitor
    can reach; a client that is no browser sends no origin.

    Raises:
        Problem: 403.
    """
    origin = connection.headers.get("origin")
    if origin is None or origin in allowed or ANY_ORIGIN in allowed:
        return
    if origin.partition("://")[2] != connection.headers.get("host"):
        raise Problem(
            403, "web pages of this origin may not ask; the service allows it with --allow-origin"
        )


def _decoded(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Error, ValueError):
        return b""
