"""Worker processes that exit with the process that started them, however it exits."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Thread

import cv2

from genderscope.core.errors import GenderscopeError


@contextmanager
def pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of ``jobs`` processes, each with one thread of OpenCV. At its end, pending work is
    cancelled after an error. ``GenderscopeError`` if a worker is killed.
    """
    context = get_context("spawn")
    # Nothing is sent through this pipe: workers notice that it closes with this process.
    alive, life = context.Pipe(duplex=False)
    workers = ProcessPoolExecutor(jobs, context, _begin, (alive,))
    try:
        yield workers
        workers.shutdown()
    except BrokenProcessPool as error:
        raise GenderscopeError(
            "a worker process was killed, perhaps because memory ran out: repeat the command, with "
            "fewer --jobs if memory is short"
        ) from error
    finally:
        life.close()
        workers.shutdown(cancel_futures=True)
        alive.close()


def _begin(alive: Connection) -> None:
    """In a worker: exit with the parent; only the parent handles Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)

    def wait() -> None:
        alive.poll(None)
        os._exit(1)

    Thread(target=wait, daemon=True).start()
