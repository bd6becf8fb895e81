"""Numbers of the service for Prometheus; no request's content is among them."""

import time

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SIZES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """What is counted."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "genderscope_requests", "Answers.", ("route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "genderscope_request_seconds",
            "From a request's header to the end of its answer.",
            ("route",),
            registry=self.registry,
        )
        self.batches = Histogram(
            "genderscope_batch_faces",
            "Faces that went through a network at once.",
            buckets=SIZES,
            registry=self.registry,
        )
        self.inside = Gauge(
            "genderscope_requests_inside", "Requests that work or wait.", registry=self.registry
        )
        self.live = Gauge("genderscope_live", "Open WebSockets.", registry=self.registry)

    def text(self) -> bytes:
        """All of it in Prometheus' format."""
        return generate_latest(self.registry)


class Measured:
    """Middleware that counts answers and their time by the route's pattern."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.requests.labels(route, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - begin)
