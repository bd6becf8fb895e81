"""Uvicorn with limits on slow clients, and problem responses to what is not HTTP."""

import asyncio
import socket
from contextlib import suppress
from errno import EADDRINUSE
from functools import partial
from http import HTTPStatus
from ipaddress import ip_address
from math import inf
from typing import Any

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from genderscope.core.errors import UsageError
from genderscope.server.limits import Limits
from genderscope.server.problems import Problem

# After an early response, discard the rest of the request for this long, so that the client can
# read the response.
LINGER_S = 2.0
DRAIN_S = 5  # added to a request's time limit on shutdown


class _Read(asyncio.Protocol):
    """Aborts a connection whose client stops reading; closing it would wait for the client."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop

    def __init__(self, *arguments: Any, limits: Limits, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._patience_s = limits.timeout_s
        self._unread: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._check(inf)

    def resume_writing(self) -> None:
        self._stop()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _check(self, before: float) -> None:
        waiting = self.transport.get_write_buffer_size()
        if waiting < before:
            self._unread = self.loop.call_later(self._patience_s, self._check, waiting)
        else:
            self.transport.abort()

    def _stop(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None


class Connection(_Read, H11Protocol):
    """Closes a connection whose header, or whose body after an early response, takes too long.

    Uvicorn itself only limits the pause between two requests.
    """

    def __init__(self, *arguments: Any, limits: Limits, **named: Any) -> None:
        super().__init__(*arguments, limits=limits, **named)
        self._limits_s = {"header": limits.header_timeout_s, "rest": LINGER_S}
        self._stage: str | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, unless a response has started, and close the connection."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            problem = Problem(400, "this is not HTTP/1.1; use an HTTP library")
            response = problem.response()
            headers = [*response.raw_headers, (b"connection", b"close")]
            for event in (
                h11.Response(status_code=400, reason=b"Bad Request", headers=headers),
                h11.Data(data=bytes(response.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _watch(self) -> None:
        stage = None
        if self.conn.their_state is h11.IDLE:
            stage = "header"
        elif self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY:
            stage = "rest"
        if stage == self._stage:
            return
        self._stage = stage
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if stage is not None:
            self._timer = self.loop.call_later(self._limits_s[stage], self.transport.close)


class Socket(_Read, WebSocketsSansIOProtocol):
    """Answers an invalid handshake with a problem, and logs nothing that clients send."""

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = True  # else Uvicorn logs an error for each refusal

    def handle_connect(self, event: Request) -> None:
        self.conn.reject = _rejection  # type: ignore[method-assign]
        super().handle_connect(event)

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # drop the pong: unread ones would fill the memory

    def send_receive_event_to_app(self) -> None:
        try:
            if self.curr_msg_data_type == "text":
                b"".join(self.frames).decode()
        except UnicodeDecodeError:  # Uvicorn would log a traceback
            self.conn.send_close(CloseCode.INVALID_DATA)
            self.handle_parser_exception()
        else:
            super().send_receive_event_to_app()


def _rejection(status: int, text: str) -> Response:
    response = Problem(status, " ".join(text.split())).response()
    headers = Headers((name.decode(), value.decode()) for name, value in response.raw_headers)
    headers["Connection"] = "close"
    return Response(status, HTTPStatus(status).phrase, headers, bytes(response.body))


def listen(host: str, port: int, token: str | None) -> socket.socket:
    """A listening socket; clients that connect before the service is ready wait. ``UsageError`` if
    the address is not available, or not loopback and there is no token.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        if token is None and not ip_address(address[0]).is_loopback:
            raise UsageError(f"{host} can be reached from other machines: set a --token")
        return socket.create_server(address, family=family)
    except OSError as error:
        reason = f"cannot listen on {host}, port {port}: {error.strerror}"
        if error.errno == EADDRINUSE:
            reason = f"port {port} is in use; try --port {_free_port(address, family)}"
        raise UsageError(reason) from error
    except UnicodeError as error:  # a label is empty or too long
        raise UsageError(f"{host} is not a valid host name") from error


def _free_port(address: tuple[Any, ...], family: int) -> int:
    """A free port among the next ones, or 0 for any."""
    host, port, *scope = address
    for other in range(port + 1, port + 20):
        with suppress(OSError, OverflowError):
            socket.create_server((host, other, *scope), family=family).close()
            return other
    return 0


def drain_s(limits: Limits) -> int:
    """Maximum time of a shutdown, in seconds."""
    return round(limits.body_timeout_s + limits.timeout_s) + DRAIN_S


def server(app: FastAPI, limits: Limits, **settings: Any) -> uvicorn.Server:
    """A server for an app, without an access log; ``settings`` are ``uvicorn.Config``'s."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=partial(Connection, limits=limits),  # type: ignore[arg-type]
            ws=partial(Socket, limits=limits),  # type: ignore[arg-type]
            ws_max_size=limits.max_body_bytes,
            ws_per_message_deflate=False,
            access_log=False,
            log_level="error",  # a warning would be a line for each hostile request
            server_header=False,
            proxy_headers=False,
            lifespan="on",
            timeout_graceful_shutdown=drain_s(limits),
            **settings,
        )
    )
