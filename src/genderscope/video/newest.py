"""Live pictures: a thread reads them, only the newest is kept, and a lost source is opened again.

Who takes pictures slower than they come misses some and is never late; how many is counted.
Knows nothing of cameras, networks or decoders: they are functions that yield pictures.
"""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass

from genderscope.core.errors import SourceError
from genderscope.core.types import Frame, Image

Reader = Callable[[], Generator[Image | None]]
"""Opens a source and yields its pictures as they come, None for one that cannot be decoded."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often a live source is waited for.

    Attributes:
        frozen_s: without a new picture for so long, the source is taken for lost.
        retries: how often in a row a lost source is opened again before it is given up.
        wait_s, longest_wait_s: before the first retry, doubled for each further one up to the cap.
    """

    frozen_s: float = 10.0
    retries: int = 8
    wait_s: float = 1.0
    longest_wait_s: float = 30.0


class Connection:
    """One opening of a source, read in a thread; a context manager.

    The thread ends with its source, on any error, or with the picture after the context is left:
    a read that hangs cannot be stopped, so the thread does not keep the process alive.

    Attributes:
        come: pictures that came so far, with those of the connections before.
        dropped: how many of them were broken, or were replaced by newer ones before being taken.
    """

    def __init__(self, read: Reader, come: int = 0, dropped: int = 0) -> None:
        self._read, self.come, self.dropped = read, come, dropped
        self._changed = threading.Condition()
        self._newest: tuple[int, Image] | None = None
        self._error: BaseException | None = None
        self._left = False
        self.thread = threading.Thread(target=self._run, name="genderscope-reader", daemon=True)
        self.thread.start()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._left = True
        self.thread.join(timeout=1)

    def next(self, patience_s: float) -> tuple[int, Image]:
        """The newest picture that was not taken yet, and how many came before it.

        Raises:
            SourceError: none came in time, or the source ended.
            Exception: whatever else ended the thread.
        """
        with self._changed:
            if not self._changed.wait_for(
                lambda: self._newest is not None or self._error is not None, patience_s
            ):
                raise SourceError(f"gives no new picture for {patience_s:g} s")
            if self._newest is None:
                assert self._error is not None
                raise self._error
            newest, self._newest = self._newest, None
            return newest

    def _run(self) -> None:
        error: BaseException = SourceError("gives no more pictures")
        try:
            with closing(self._read()) as images:
                for image in images:
                    if self._left:
                        return
                    with self._changed:
                        self.dropped += image is None or self._newest is not None
                        if image is not None:
                            self._newest = (self.come, image)
                        self.come += 1
                        self._changed.notify()
        except BaseException as raised:  # handed on to the one who takes the pictures
            error = raised
        finally:
            with self._changed:
                self._error = error
                self._changed.notify()


class LiveSource:
    """A source that does not wait: its frames, and error frames where it was lost for a while.

    Attributes:
        name: what its frames are called.
        dropped: pictures so far that were skipped because newer ones came, or were broken.
    """

    live = True

    def __init__(self, name: str, read: Reader, patience: Patience) -> None:
        self.name = name
        self._read, self._patience = read, patience
        self._connection: Connection | None = None

    @property
    def dropped(self) -> int:
        return self._connection.dropped if self._connection else 0

    def __iter__(self) -> Generator[Frame]:
        """Frames with the time since the first one, dropped ones counted in their numbers.

        Raises:
            SourceError: the source gave no picture at all, or was lost and did not come back.
        """
        start_s: float | None = None
        failures = 0
        while True:
            before = self._connection
            self._connection = Connection(
                self._read, before.come if before else 0, before.dropped if before else 0
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
                        f"{self.name} {error}; given up after {self._patience.retries} retries"
                    ) from error
                wait_s = min(
                    self._patience.wait_s * 2 ** (failures - 1), self._patience.longest_wait_s
                )
                yield Frame(
                    self.name,
                    error=f"{self.name} {error}; opened again in {wait_s:g} s "
                    f"({failures} of {self._patience.retries})",
                )
                time.sleep(wait_s)
