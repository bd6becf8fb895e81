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


def ignore() -> None:
    """Ignore signals from here on, such as while a command completes its files."""
    for number in (SIGINT, SIGTERM):
        signal(number, SIG_IGN)
