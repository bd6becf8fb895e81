"""Metrics for Prometheus; they contain no request data."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SIZES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The metrics, in a separate registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "genderscope_requests", "Responses.", ("route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "genderscope_request_seconds",
            "From a request's header to the end of its response.",
            ("route",),
            registry=self.registry,
        )
        self.batches = Histogram(
            "genderscope_batch_faces",
            "Faces per run of a network.",
            buckets=SIZES,
            registry=self.registry,
        )
        self.inside = Gauge(
            "genderscope_requests_inside",
            "Requests in progress or waiting.",
            registry=self.registry,
        )
        self.live = Gauge("genderscope_live", "Open WebSockets.", registry=self.registry)


class Measured:
    """Middleware that counts and times responses by route pattern."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500

        async def observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, observe)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.requests.labels(route, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - start)
