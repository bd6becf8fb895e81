"""Threads: an ordered parallel map over a stream, a timeout, and a shared budget.

Threads help where the function releases the GIL, as decoding and networks do.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Condition, Lock, Thread
from time import monotonic
from typing import Self, TypeVar

T = TypeVar("T")
R = TypeVar("R")
Tasks = SimpleQueue[tuple[T, Future[R]] | None]

# Items in flight per thread, so that one slow item does not stall the other threads at once.
AHEAD = 4
# How long threads may take to finish their last item after an early end. A thread that is still
# blocked then ends with the process.
PATIENCE_S = 2.0


def ordered(make: Callable[[], Callable[[T], R]], items: Iterable[T], threads: int) -> Generator[R]:
    """Results of a function for each item, in the items' order. ``make`` is called once in each
    thread and returns that thread's function.

    The caller's thread reads the items, at most ``AHEAD`` per thread in advance. An error is raised
    in the place of its result. After that, or once the generator is closed, no thread starts
    another item.
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
        except BaseException as error:  # the caller waits for every outcome
            future.set_exception(error)


def within(seconds: float, function: Callable[[], R]) -> R:
    """Call a function in a thread and return its result; ``TimeoutError`` after ``seconds``."""
    answer: Future[R] = Future()

    def run() -> None:
        try:
            answer.set_result(function())
        except Exception as error:  # the caller waits for every outcome
            answer.set_exception(error)

    Thread(target=run, daemon=True).start()
    return answer.result(seconds)


class Budget:
    """An amount, such as of memory, that threads share."""

    def __init__(self, size: int) -> None:
        self._size, self._free = size, size
        self._changed, self._turn = Condition(), Lock()

    def take(self, amount: int) -> int:
        """Wait in line until an amount, at most the whole budget, is free, and return it."""
        amount = min(amount, self._size)
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._free >= amount)
            self._free -= amount
        return amount

    def give(self, amount: int) -> None:
        with self._changed:
            self._free += amount
            self._changed.notify_all()


class Work:
    """A task in progress: it reserves from a budget, and other threads can cancel it. Once it is
    ``cancelled``, nobody wants its result.
    """

    def __init__(self, budget: Budget | None = None) -> None:
        self.cancelled = False
        self._budget, self._held = budget, 0
        self._lock = Lock()
        self._cancel: Callable[[], None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.reserve(0)

    def reserve(self, amount: int) -> None:
        """Replace the reserved amount, waiting for the new one if necessary."""
        if self._budget:
            kept = amount if amount <= self._held else 0  # holding while waiting could deadlock
            self._budget.give(self._held - kept)
            self._held = kept
            self._held += self._budget.take(amount - kept)

    def cancel(self) -> None:
        with self._lock:
            self.cancelled = True
            if self._cancel:
                self._cancel()

    @contextmanager
    def cancelled_by(self, cancel: Callable[[], None]) -> Iterator[None]:
        """Within the context, cancelling this also calls ``cancel``, maybe in another thread."""
        with self._lock:
            self._cancel = cancel
            if self.cancelled:
                cancel()
        try:
            yield
        finally:
            with self._lock:
                self._cancel = None
