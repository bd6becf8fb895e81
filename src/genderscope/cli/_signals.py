"""Signals that stop a command."""

from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIG_IGN, SIGINT, SIGTERM, default_int_handler, getsignal, signal


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM stop a command as Ctrl-C does. An ignored SIGINT, as in a shell's background job,
    stays ignored. The handlers are restored at the end.
    """
    before = {number: getsignal(number) for number in (SIGINT, SIGTERM)}
    signal(SIGTERM, default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal(number, handler)


@contextmanager
def held() -> Iterator[None]:
    """Let a signal that stops a command wait for the end of the context; a second one stops it at
    once.
    """
    waiting = False

    def wait(*_: object) -> None:
        nonlocal waiting
        if waiting:
            raise KeyboardInterrupt
        waiting = True

    before = {number: getsignal(number) for number in (SIGINT, SIGTERM)}
    try:
        for number, handler in before.items():
            if handler is default_int_handler:
                signal(number, wait)
        yield
    finally:
        for number, handler in before.items():
            signal(number, handler)
    if waiting:
        raise KeyboardInterrupt


def ignore() -> None:
    """Ignore signals from here on, such as while a command completes its files."""
    for number in (SIGINT, SIGTERM):
        signal(number, SIG_IGN)
