"""The service as an ASGI application."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response, WebSocket
from prometheus_client import generate_latest
from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import genderscope
from genderscope.server import constants, documentation, live, problems, routes
from genderscope.server.access import Hosts
from genderscope.server.admission import Admission
from genderscope.server.engine import Engine
from genderscope.server.limits import Limits
from genderscope.server.metrics import Measured, Metrics
from genderscope.server.problems import Problem, documented
from genderscope.server.service import CHECKED, Service

WEB = Path(__file__).parent / "web"
# The page loads nothing from other origins, and no other page may frame it.
HEADERS = {
    "Cache-Control": "no-cache",  # a browser would mix the scripts and networks of two versions
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; "
    "worker-src 'self' blob:; img-src 'self' blob: data:; media-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def create_app(
    engine: Engine,
    limits: Limits | None = None,
    *,
    metrics: Metrics | None = None,
    token: str | None = None,
    allow_origins: Collection[str] = (),
    allowed_hosts: Collection[str] = (),
) -> FastAPI:
    """The service as an ASGI app, which closes the engine on shutdown. A token is required for
    ``/v1`` and ``/metrics``, if given; everything else is public. Web pages of ``allow_origins``
    may use it too. ``allowed_hosts`` are its names besides those of loopback; ``*`` is any. The
    engine reports to ``metrics``.
    """
    limits, metrics = limits or Limits(), metrics or Metrics()
    admission = Admission(limits)
    metrics.inside.set_function(lambda: admission.inside.taken)
    metrics.live.set_function(lambda: admission.live.taken)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await engine.warm_up()
        yield
        engine.close()

    app = FastAPI(
        title="genderscope",
        summary="Perceived gender presentation of faces",
        description="Pictures are processed in memory; none is stored or passed on.",
        version=genderscope.__version__,
        lifespan=lifespan,
        docs_url=None,  # FastAPI's pages load scripts from other origins
        redoc_url=None,
        redirect_slashes=False,  # behind a proxy with TLS, a redirect would lead to plain HTTP
    )
    app.state.service = Service(engine, limits, admission, metrics, token, allow_origins)
    problems.install(app)
    app.include_router(routes.router)
    app.include_router(live.router)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process is running."""
        return {"status": "alive"}

    @app.get("/readyz", responses=documented(503))
    async def readyz() -> dict[str, str]:
        """The models have been run once, so that the first request is as fast as later ones."""
        if not engine.warm:
            raise Problem(503, "the models are still being warmed up", {"Retry-After": "1"})
        return {"status": "ready"}

    @app.get(
        "/metrics",
        dependencies=[CHECKED],
        response_class=Response,
        responses={
            **documented(401, 403),
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        },
    )
    async def prometheus() -> Response:
        """Metrics for Prometheus."""
        return Response(generate_latest(metrics.registry), media_type="text/plain; version=0.0.4")

    @app.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        return routes.unless_known(request, WEB / "index.html", "text/html")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(documentation.page(app.openapi()))

    @app.get("/limits", include_in_schema=False)
    async def what_it_cannot_do() -> HTMLResponse:
        return HTMLResponse(documentation.limits())

    @app.get("/web/constants.js", include_in_schema=False)
    async def shared_constants() -> Response:
        return Response(constants.javascript(), media_type="text/javascript")

    @app.websocket("/{path:path}")
    async def no_socket(socket: WebSocket) -> None:
        problem = Problem(404, "there is no WebSocket here; use /v1/live")
        await socket.send_denial_response(problem.response())

    app.mount("/web", StaticFiles(directory=WEB))

    if allow_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(allow_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After"],
        )
    app.add_middleware(Hosts, allowed=allowed_hosts)
    app.add_middleware(_Headers)
    app.add_middleware(Measured, metrics=metrics)
    app.add_middleware(_Heads)
    return app


class _Heads:
    """Middleware that answers HEAD as GET; the server sends no body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") == "HEAD":
            scope = {**scope, "method": "GET"}  # a copy: the server reads its own
        await self._app(scope, receive, send)


class _Headers:
    """Middleware that adds ``HEADERS`` to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, adding)
