"""``genderscope serve``: the HTTP service and its page."""

from pathlib import Path
from typing import Annotated

import typer

from genderscope.cli._options import Model, expanded
from genderscope.server.limits import Limits

PANEL = "Use"
MIN_TOKEN = 16


@expanded
def serve(
    limits: Limits,
    host: Annotated[
        str, typer.Option(help="Address to listen on; other than loopback needs --token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    model: Model = "mini_xception",
    detector: Annotated[
        str | None, typer.Option(help="haar or yunet.  [default: yunet if its weights are there]")
    ] = None,
    detector_model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The detector's weights.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="GENDERSCOPE_TOKEN",
            help="Clients must send it; set the variable to keep it out of process lists.",
        ),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Also serve web pages of this origin; repeatable."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Detection threads.  [default: one per core]")
    ] = None,
) -> None:
    """Serve an HTTP API and a web page on this machine.

    SIGTERM and Ctrl-C let requests in progress finish. Needs the extra [serve].
    """
    import os

    import cv2

    from genderscope import detection
    from genderscope.core.errors import UsageError
    from genderscope.core.extras import require

    for module in ("fastapi", "uvicorn", "websockets", "python_multipart", "prometheus_client"):
        require(module, "serve")
    from genderscope.server.app import create_app
    from genderscope.server.connections import listen, server
    from genderscope.server.engine import Engine, load_models
    from genderscope.server.metrics import Metrics

    if token is not None and (len(token) < MIN_TOKEN or not token.isascii()):
        raise UsageError(f"a token needs at least {MIN_TOKEN} characters, all of them ASCII")
    for origin in allow_origin or ():
        if "://" not in origin and origin != "*":
            raise UsageError(f"{origin!r} is not an origin; write https://example.org, or *")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = workers or cores or 1
    models, default = load_models(model)
    metrics = Metrics()
    engine = Engine(
        models,
        default,
        [detection.create(detector, model=detector_model) for _ in range(threads)],
        max_pixels=limits.max_pixels,
        observe=metrics.batches.observe,
    )
    app = create_app(
        engine, limits, metrics=metrics, token=token, allow_origins=frozenset(allow_origin or ())
    )
    socket = listen(host, port, token)
    cv2.setNumThreads(1)  # pictures are processed in parallel instead
    name = f"[{host}]" if ":" in host else host
    typer.echo(f"genderscope serves at http://{name}:{socket.getsockname()[1]}")
    server(app, limits).run([socket])
