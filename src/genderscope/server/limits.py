"""Limits on what requests may use. The options of ``genderscope serve`` are made from them."""

from dataclasses import dataclass, fields
from typing import ClassVar

from genderscope.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the service; all are positive, only ``queue`` may be 0.

    Attributes:
        max_body_mb: maximum size of a request, and of a WebSocket frame.
        max_pixels: maximum pixels of a picture, according to its header.
        max_memory: MB for the pictures that are decoded at a time.
        max_seconds: to decode a picture.
        max_files: maximum pictures per request.
        max_concurrent: requests processed at the same time.
        queue: further requests that may wait; more get a 503.
        timeout_s: time from the complete body to the response.
        header_timeout_s: time for a request's header.
        body_timeout_s: time for a body, plus one second per --body-bytes-per-s.
        body_bytes_per_s: slowest allowed upload, in bytes per second.
        max_live: open WebSockets.
        live_idle_s: a WebSocket is closed after this long without a message.
    """

    PANEL: ClassVar[str] = "Limits"

    max_body_mb: float = 10
    max_pixels: int = 25_000_000
    max_memory: int = 512
    max_seconds: float = 10
    max_files: int = 16
    max_concurrent: int = 8
    queue: int = 56
    timeout_s: float = 30
    header_timeout_s: float = 10
    body_timeout_s: float = 10
    body_bytes_per_s: float = 50_000
    max_live: int = 8
    live_idle_s: float = 60

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (value > 0 or (field.name == "queue" and value == 0)):
                raise UsageError(f"{field.name} must be positive, not {value}")

    @property
    def max_body_bytes(self) -> int:
        return round(self.max_body_mb * 1e6)
