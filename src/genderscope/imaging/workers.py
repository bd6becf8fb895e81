"""Decoding in separate processes, for pictures whose header does not bound their time and memory: a
process that takes too long is killed, and its output becomes part of the picture's error.

Each message is a length in four bytes and MessagePack. The parent sends a ``Request`` without its
data, then the data, to save copies; the worker replies with the memory it needs; the parent sends a
byte once that is reserved; the worker replies with the size, and the pixels follow.
"""

import atexit
import faulthandler
import os
import signal
import subprocess
import sys
import warnings
from contextlib import suppress
from io import BufferedReader, BufferedWriter
from itertools import chain
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import IO, TypeVar, cast

import msgspec
import numpy as np

from genderscope.core.errors import PictureError
from genderscope.core.parallel import Work
from genderscope.core.types import Image
from genderscope.imaging.opening import Opened, Request, problem, strips

COMMAND = "from genderscope.imaging.workers import serve; serve()"
MESSAGES_BYTES = 1000
M = TypeVar("M", bound=msgspec.Struct)


class Reply(msgspec.Struct, frozen=True):
    """A worker's reply: what is wrong with a picture, the memory it needs, or its size."""

    problem: str = ""
    memory: int = 0
    height: int = 0
    width: int = 0
    reduction: int = 1


def decode(request: Request, work: Work) -> tuple[Image, int]:
    """A picture and its reduction; ``PictureError``, without a name, says what is wrong."""
    worker = _take()
    start = monotonic()
    try:
        with work.cancelled_by(worker.end):
            answer = worker.decode(request, work)
    except (EOFError, OSError) as error:
        worker.end()
        if work.cancelled:
            raise PictureError("was cancelled") from error
        if monotonic() - start >= request.limits.max_seconds:
            limit = f"{request.limits.max_seconds:g} s"
            raise PictureError(f"takes more than {limit} to decode; save it again") from error
        raise PictureError("crashes its decoder; save it again") from error
    except BaseException:  # such as Ctrl-C while a picture is decoded
        worker.end()
        raise
    if work.cancelled:
        worker.end()
    else:
        _IDLE.put(worker)
    if isinstance(answer, str):
        raise PictureError(answer)
    return answer


def _take() -> "_Worker":
    """An idle worker, or a new one."""
    with suppress(Empty):
        while True:
            worker = _IDLE.get_nowait()
            if worker.runs:
                return worker
    return _Worker()


class _Worker:
    """The parent's side of a worker process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            # With -P it imports no modules from the folder with the pictures.
            [sys.executable, "-P", "-c", COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))},
        )
        self._requests = cast(BufferedWriter, self._process.stdin)
        self._replies = cast(BufferedReader, self._process.stdout)

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def decode(self, request: Request, work: Work) -> tuple[Image, int] | str:
        """A picture and its reduction, or what is wrong; ``EOFError``, ``OSError`` if it ended."""
        _send(self._requests, msgspec.structs.replace(request, data=b""), request.data)
        reply = _receive(self._replies, Reply)
        if not reply.problem:
            work.reserve(reply.memory)
            self._requests.write(b"+")
            self._requests.flush()
            reply = _receive(self._replies, Reply)
        if reply.problem:
            return reply.problem
        image = np.empty((reply.height, reply.width, 3), np.uint8)
        if self._replies.readinto(image.data) < image.nbytes:
            raise EOFError
        return image, reply.reduction

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        with suppress(OSError):  # unsent data cannot be flushed
            self._requests.close()
        self._replies.close()


def serve() -> None:
    """Answer the requests on standard input until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    warnings.simplefilter("ignore")
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    messages, printed = os.pipe()
    for end in (messages, printed):
        os.set_blocking(end, False)
    for stream in (1, 2):
        os.dup2(printed, stream)
    used = _data_bytes()
    with suppress(EOFError):
        while True:
            request = _receive(requests, Request)
            request = msgspec.structs.replace(request, data=_message(requests))
            with suppress(ImportError, OSError, ValueError):
                import resource

                limit = used + request.limits.max_memory * 2**20
                resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))
            try:
                _answer(request, requests, replies)
            except Exception as error:
                faulthandler.cancel_dump_traceback_later()
                _send(replies, Reply(problem(error, request.data, _read(messages))))
            _read(messages)  # discard those about a readable picture
            del request  # else its data would stay until the next request's has arrived


def _answer(request: Request, requests: IO[bytes], replies: IO[bytes]) -> None:
    start = monotonic()
    _watch(request.limits.max_seconds)
    opened = Opened(request)
    faulthandler.cancel_dump_traceback_later()
    left = request.limits.max_seconds - (monotonic() - start)
    _send(replies, Reply(memory=opened.memory))
    requests.read(1)
    _watch(left)
    opened.decode()
    pixels = strips(opened.picture)
    first = next(pixels)
    _send(replies, Reply("", 0, opened.picture.height, opened.picture.width, opened.reduction))
    try:
        for strip in chain([first], pixels):
            replies.write(strip.data)
        replies.flush()
    except BaseException:  # the parent waits for pixels, not for a message
        os._exit(1)
    faulthandler.cancel_dump_traceback_later()


def _watch(seconds: float) -> None:
    """End this process after a time, even within native code."""
    faulthandler.dump_traceback_later(max(seconds, 0.001), exit=True, file=2)


def _data_bytes() -> int:
    """Bytes of this process's writable memory; 0 if the system does not tell."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _read(messages: int) -> str:
    with suppress(BlockingIOError):
        return os.read(messages, MESSAGES_BYTES).decode(errors="replace")
    return ""


def _send(stream: IO[bytes], message: msgspec.Struct, *payload: bytes) -> None:
    for data in (msgspec.msgpack.encode(message), *payload):
        stream.write(len(data).to_bytes(4))
        stream.write(data)
    stream.flush()


def _receive(stream: IO[bytes], kind: type[M]) -> M:
    return msgspec.msgpack.decode(_message(stream), type=kind)


def _message(stream: IO[bytes]) -> bytes:
    return _exactly(stream, int.from_bytes(_exactly(stream, 4)))


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _forget() -> None:
    """Drop the workers in a forked process: they are the parent's."""
    global _IDLE
    _IDLE = SimpleQueue()


@atexit.register
def _end() -> None:
    while not _IDLE.empty():
        _IDLE.get_nowait().end()


_IDLE: SimpleQueue[_Worker] = SimpleQueue()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
