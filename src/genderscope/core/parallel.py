"""A function over a stream, by threads: results in the items' order, few of them in memory.

Threads help where the function releases Python's lock, as decoding and networks do.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
Tasks = SimpleQueue[tuple[T, Future[R]] | None]

# Items in work or waiting to be taken, for each thread: a slow item holds up the others later.
AHEAD = 4
# How long threads may finish their last item after an early end. One that waits for a file that
# never comes then ends with the process.
PATIENCE_S = 2.0


def ordered(make: Callable[[], Callable[[T], R]], items: Iterable[T], threads: int) -> Generator[R]:
    """Results of a function for each item, in the items' order. ``make`` is called once in each
    thread, for a function of that thread's own.

    The caller's thread reads the items, at most ``AHEAD`` for each thread in advance. An error is
    raised where its result would have come. After that, or once the generator is closed, no thread
    begins another item.
    """
    tasks: Tasks[T, R] = SimpleQueue()
    workers = [Thread(target=_work, args=(make, tasks), daemon=True) for _ in range(threads)]
    pending: deque[Future[R]] = deque()
    try:
        for worker in workers:
            worker.start()
        for item in items:
            pending.append(Future())
            tasks.put((item, pending[-1]))
            if len(pending) >= AHEAD * threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()
        for _ in workers:
            tasks.put(None)
        end = monotonic() + PATIENCE_S
        for worker in workers:
            worker.join(max(end - monotonic(), 0))


def _work(make: Callable[[], Callable[[T], R]], tasks: Tasks[T, R]) -> None:
    function: Callable[[T], R] | None = None
    while (task := tasks.get()) is not None:
        item, future = task
        if not future.set_running_or_notify_cancel():
            continue
        try:
            function = function or make()
            future.set_result(function(item))
        except BaseException as error:  # whatever it is, the caller is waiting
            future.set_exception(error)
