"""What a client may cost, and the door that keeps to it. Knows nothing of pictures."""

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
    """All positive, but for the queue, which may be none.

    Attributes:
        max_body_bytes: of a request, and of a frame of the WebSocket.
        max_pixels: of a picture, by its header.
        max_files: of a request.
        max_concurrent: requests that are worked on at a time.
        queue: requests that may wait beyond those.
        timeout_s: from a whole body to its answer.
        header_timeout_s: from a connection's begin, or its last answer, to a whole header.
        body_timeout_s: for a body, and a second more for each ``body_bytes_per_s`` that came.
        max_live: WebSockets at a time.
        live_idle_s: a WebSocket without a message for so long is closed.
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
                raise UsageError(f"{field.name} is a positive number, not {value}")


class Places:
    """A bounded number of places.

    Attributes:
        taken: how many are.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self.taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Take a place for a while.

        Raises:
            Problem: 503, all are taken.
        """
        if self.taken >= self._number:
            raise Problem(
                503,
                f"all {self._number} places are taken; come again in {RETRY_AFTER_S} s",
                {"Retry-After": str(RETRY_AFTER_S)},
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


class Door:
    """Lets in what there is room for.

    Attributes:
        inside: requests that work or wait.
        live: open WebSockets.
        slots: taken by each request, and each frame of a WebSocket, that works.
    """

    def __init__(self, limits: Limits) -> None:
        self._timeout_s = limits.timeout_s
        self.inside = Places(limits.max_concurrent + limits.queue)
        self.live = Places(limits.max_live)
        self.slots = asyncio.Semaphore(limits.max_concurrent)

    async def work(self, request: Request, work: Callable[[], Awaitable[T]]) -> T:
        """Do a request's work once there is a slot, as long as its client is there.

        Args:
            request: whose body has been read.

        Raises:
            Problem: 504, it took too long; 400, which nobody sees, for a client that went away.
        """
        working = asyncio.create_task(self._in_slot(work))
        leaving = asyncio.create_task(_leaving(request))
        try:
            await asyncio.wait(
                (working, leaving),
                timeout=self._timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if working.done():
                return working.result()
            if leaving.done():
                raise Problem(400, "the client went away")
            raise Problem(504, f"this took more than {self._timeout_s:g} s; send less at a time")
        finally:
            working.cancel()
            leaving.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)

    async def _in_slot(self, work: Callable[[], Awaitable[T]]) -> T:
        async with self.slots:
            return await work()


async def _leaving(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
