"""Limits on what requests may use, and their enforcement."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TypeVar

from starlette.requests import Request

from genderscope.core.errors import UsageError
from genderscope.server.problems import Problem

T = TypeVar("T")
RETRY_AFTER_S = 1


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the service; all are positive, only ``queue`` may be 0.

    Attributes:
        max_body_bytes: of a request, and of a WebSocket frame.
        max_pixels: per picture, according to its header.
        max_files: per request.
        max_concurrent: requests processed at the same time.
        queue: further requests that may wait.
        timeout_s: from the complete body to the response.
        header_timeout_s: from a new connection, or its last response, to a complete header.
        body_timeout_s: for a body, plus one second per ``body_bytes_per_s`` received.
        max_live: open WebSockets.
        live_idle_s: a WebSocket is closed after this long without a message.
    """

    max_body_bytes: int = 10_000_000
    max_pixels: int = 25_000_000
    max_files: int = 16
    max_concurrent: int = 8
    queue: int = 56
    timeout_s: float = 30
    header_timeout_s: float = 10
    body_timeout_s: float = 10
    body_bytes_per_s: float = 50_000
    max_live: int = 8
    live_idle_s: float = 60

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (value > 0 or (field.name == "queue" and value == 0)):
                raise UsageError(f"{field.name} must be positive, not {value}")


class Places:
    """A limited number of places.

    Attributes:
        taken: how many are in use.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self.taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a place.

        Raises:
            Problem: 503, none is free.
        """
        if self.taken >= self._number:
            raise Problem(
                503,
                f"all {self._number} places are taken; try again in {RETRY_AFTER_S} s",
                {"Retry-After": str(RETRY_AFTER_S)},
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


class Admission:
    """Admits requests within the limits.

    Attributes:
        inside: requests that are processed or wait.
        live: open WebSockets.
        slots: one for each request or WebSocket frame in progress.
    """

    def __init__(self, limits: Limits) -> None:
        self._timeout_s = limits.timeout_s
        self.inside = Places(limits.max_concurrent + limits.queue)
        self.live = Places(limits.max_live)
        self.slots = asyncio.Semaphore(limits.max_concurrent)

    async def work(self, request: Request, work: Callable[[], Awaitable[T]]) -> T:
        """Process a request once a slot is free; stop when its client disconnects.

        Args:
            request: its body has been read.

        Raises:
            Problem: 504, it took too long; 400, the client disconnected.
        """
        working = asyncio.create_task(self._in_slot(work))
        disconnected = asyncio.create_task(_disconnect(request))
        try:
            await asyncio.wait(
                (working, disconnected),
                timeout=self._timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if working.done():
                return working.result()
            if disconnected.done():
                raise Problem(400, "the client disconnected")
            raise Problem(
                504,
                f"processing took more than {self._timeout_s:g} s; send fewer or smaller pictures",
            )
        finally:
            working.cancel()
            disconnected.cancel()
            await asyncio.gather(working, disconnected, return_exceptions=True)

    async def _in_slot(self, work: Callable[[], Awaitable[T]]) -> T:
        async with self.slots:
            return await work()


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
