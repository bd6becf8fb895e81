"""Live sources: a thread reads pictures and keeps only the newest; a lost source is reopened.

A slow consumer misses pictures, which are counted as dropped, but always gets a recent one.
"""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from math import inf

from genderscope.core.errors import SourceError, UsageError
from genderscope.core.types import Frame, Image

DAY_S = 86_400
Reader = Callable[[], Generator[Image | None]]
"""Opens a source and yields its pictures as they arrive, None for a broken one."""


@dataclass(frozen=True, slots=True)
class Patience:
    """When a live source counts as lost, after ``frozen_s`` without a new picture, and how many
    ``retries`` in a row reopen it: the first after ``wait_s``, which doubles up to ``max_wait_s``.
    ``UsageError`` if ``frozen_s`` is longer than a day, or a time is negative or not a number.
    """

    frozen_s: float = 10.0
    retries: int = 8
    wait_s: float = 1.0
    max_wait_s: float = 30.0

    def __post_init__(self) -> None:
        if not 0 < self.frozen_s <= DAY_S:
            raise UsageError(
                f"a source is frozen after more than 0 and at most {DAY_S:,} s, not {self.frozen_s}"
            )
        if not 0 <= self.wait_s < inf:
            raise UsageError(f"the first wait is a number of seconds, not {self.wait_s}")


class Connection:
    """An open source that a thread reads; a context manager. It counts pictures, also those of
    previous connections: received, and dropped as broken or as replaced by newer ones.

    The thread ends with its source, on any error, or at the next picture after the context ends. A
    read that hangs cannot be stopped, so the thread is a daemon.
    """

    def __init__(self, read: Reader, received: int = 0, dropped: int = 0) -> None:
        self._read, self.received, self.dropped = read, received, dropped
        self._changed = threading.Condition()
        self._newest: tuple[int, Image] | None = None
        self._error: BaseException | None = None
        self._closed = False
        self.thread = threading.Thread(target=self._run, name="genderscope-reader", daemon=True)
        self.thread.start()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self.thread.join(timeout=1)

    def next(self, patience_s: float) -> tuple[int, Image]:
        """How many pictures arrived before the newest unread one, and that one. ``SourceError`` if
        none arrives in time, or the source ended; else any other error that ended the thread.
        """
        with self._changed:
            if not self._changed.wait_for(
                lambda: self._newest is not None or self._error is not None, patience_s
            ):
                raise SourceError(f"has sent no new picture for {patience_s:g} s")
            if self._newest is None:
                assert self._error is not None
                raise self._error
            newest, self._newest = self._newest, None
            return newest

    def _run(self) -> None:
        error: BaseException = SourceError("sends no more pictures")
        try:
            with closing(self._read()) as images:
                for image in images:
                    if self._closed:
                        return
                    with self._changed:
                        self.dropped += image is None or self._newest is not None
                        if image is not None:
                            self._newest = (self.received, image)
                        self.received += 1
                        self._changed.notify()
        except BaseException as raised:  # raised again in ``next``
            error = raised
        finally:
            with self._changed:
                self._error = error
                self._changed.notify()


class LiveSource:
    """A source that does not wait for its consumer, such as a camera; ``dropped`` pictures were
    broken or replaced by newer ones.
    """

    live, stills = True, False

    def __init__(self, name: str, read: Reader, patience: Patience) -> None:
        self.name = name
        self._read, self._patience = read, patience
        self._connection: Connection | None = None

    @property
    def dropped(self) -> int:
        return self._connection.dropped if self._connection else 0

    def __iter__(self) -> Generator[Frame]:
        """Frames, and one with an error each time the source is lost. Their numbers include dropped
        frames; their times start at the first one. ``SourceError`` if the source sends no picture
        at all, or is lost for good.
        """
        start_s: float | None = None
        failures = 0
        while True:
            before = self._connection
            self._connection = Connection(
                self._read, before.received if before else 0, before.dropped if before else 0
            )
            try:
                with self._connection as connection:
                    while True:
                        index, image = connection.next(self._patience.frozen_s)
                        now_s = time.monotonic()
                        start_s = now_s if start_s is None else start_s
                        failures = 0
                        yield Frame(self.name, image, index=index, time_s=now_s - start_s)
            except SourceError as error:
                if start_s is None:
                    raise SourceError(f"{self.name} {error}") from error
                failures += 1
                if failures > self._patience.retries:
                    raise SourceError(
                        f"{self.name} {error}; gave up after {self._patience.retries} retries"
                    ) from error
                wait_s = min(self._patience.wait_s * 2 ** (failures - 1), self._patience.max_wait_s)
                yield Frame(
                    self.name,
                    error=f"{self.name} {error}; reopening in {wait_s:g} s "
                    f"({failures} of {self._patience.retries})",
                    time_s=time.monotonic() - start_s,
                )
                time.sleep(wait_s)
