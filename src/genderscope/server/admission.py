"""Admission control: requests wait for a free slot; excess requests are refused."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from starlette.requests import Request

from genderscope.server.limits import Limits
from genderscope.server.problems import Problem

T = TypeVar("T")
RETRY_AFTER_S = 1


class Places:
    """A limited number of places, of which ``taken`` are in use."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a place; raises ``Problem``, 503, if none is free."""
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
    """Limits the requests that are processed or wait (``inside``), the open WebSockets (``live``),
    and the requests and frames that are processed at the same time (``slots``).
    """

    def __init__(self, limits: Limits) -> None:
        self._timeout_s = limits.timeout_s
        self.inside = Places(limits.max_concurrent + limits.queue)
        self.live = Places(limits.max_live)
        self.slots = asyncio.Semaphore(limits.max_concurrent)

    async def work(self, request: Request, work: Callable[[], Awaitable[T]]) -> T:
        """Process a request, whose body has been read, once a slot is free. Raises ``Problem``: 400
        when its client disconnects, 504 when it takes too long.
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
