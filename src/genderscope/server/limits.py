"""Limits on what requests may use. The options of ``genderscope serve`` are made from them."""

from dataclasses import dataclass
from typing import ClassVar

from genderscope.imaging import limits


@dataclass(frozen=True, slots=True)
class Limits(limits.Limits):
    """Limits of the service; all are positive, except that ``queue`` may be 0.

    Attributes:
        max_pixels: maximum pixels of a picture, according to its header.
        max_memory: memory for the pictures decoded at the same time, in MB.
        max_body_mb: maximum size of a request, and of a WebSocket frame.
        max_files: maximum pictures per request.
        max_concurrent: maximum requests processed at the same time.
        queue: maximum waiting requests; further ones get a 503.
        timeout_s: maximum time from the complete body to the response, and for a client that stops
            reading it.
        header_timeout_s: maximum time for a request's header.
        body_timeout_s: maximum time for a body, plus one second per --body-bytes-per-s.
        body_bytes_per_s: slowest allowed upload, in bytes per second.
        max_live: maximum open WebSockets.
        live_idle_s: a WebSocket is closed after this long without a message.
    """

    MAY_BE_ZERO: ClassVar[frozenset[str]] = frozenset({"queue"})

    max_pixels: int = 25_000_000
    max_body_mb: float = 10
    max_files: int = 16
    max_concurrent: int = 8
    queue: int = 56
    timeout_s: float = 30
    header_timeout_s: float = 10
    body_timeout_s: float = 10
    body_bytes_per_s: float = 50_000
    max_live: int = 8
    live_idle_s: float = 60

    @property
    def max_body_bytes(self) -> int:
        return round(self.max_body_mb * 1e6)
