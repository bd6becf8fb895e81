"""Dynamic batching: items that arrive while a batch runs form the next one."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np

from genderscope.core.types import Image

Function = Callable[[Image], Sequence[Sequence[Any]]]


class Batches:
    """Calls a function in a thread with the stacked items of all callers.

    The items of a cancelled caller are dropped. An error in a batch is raised in all its callers.
    """

    def __init__(
        self,
        function: Function,
        executor: Executor,
        batch_size: int,
        wait_s: float,
        observe: Callable[[int], None],
    ) -> None:
        """``function`` takes (n, ...) and returns one or more sequences of length n, in an executor
        with a single thread, so that one batch of at most ``batch_size`` fills while another runs.
        After a pause the first item waits ``wait_s`` for others. ``observe`` is called with the
        size of each batch.
        """
        self._function, self._executor, self._observe = function, executor, observe
        self._batch_size, self._wait_s = batch_size, wait_s
        self._waiting: deque[tuple[Image, asyncio.Future[tuple[Any, ...]]]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, items: Sequence[Image]) -> list[tuple[Any, ...]]:
        """For each item, its element of each sequence that the function returns."""
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[tuple[Any, ...]]] = [loop.create_future() for _ in items]
        self._waiting += zip(items, futures, strict=True)
        if self._waiting and self._running is None:
            self._running = asyncio.create_task(self._run())
        return await asyncio.gather(*futures)

    async def _run(self) -> None:
        try:
            await asyncio.sleep(self._wait_s)
            while batch := self._take():
                items, futures = zip(*batch, strict=True)
                self._observe(len(batch))
                try:
                    results = await asyncio.get_running_loop().run_in_executor(
                        self._executor, self._function, np.stack(items)
                    )
                    rows = list(zip(*results, strict=True))
                except Exception as error:
                    for future in futures:
                        if not future.done():
                            future.set_exception(error)
                else:
                    for future, row in zip(futures, rows, strict=True):
                        if not future.done():
                            future.set_result(row)
        finally:
            self._running = None

    def _take(self) -> list[tuple[Image, asyncio.Future[tuple[Any, ...]]]]:
        batch: list[tuple[Image, asyncio.Future[tuple[Any, ...]]]] = []
        while self._waiting and len(batch) < self._batch_size:
            item, future = self._waiting.popleft()
            if not future.done():
                batch.append((item, future))
        return batch
