"""``genderscope serve``: the service and its page."""

from typing import Annotated

import typer

from genderscope.cli import _measured

PANEL = "Use"

MINIMUM_TOKEN = 16


def serve(
    host: Annotated[
        str, typer.Option(help="Where to listen; other than loopback needs --token.")
    ] = ("127.0.0.1"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    model: Annotated[
        str,
        typer.Option(help="The default: a shipped model's name, or an .onnx file."),
    ] = "mini_xception",
    detector: _measured.DetectorName = None,
    detector_model: _measured.DetectorModel = None,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="GENDERSCOPE_TOKEN",
            help="What clients must send; better in the variable, where no list of processes "
            "shows it.",
        ),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Of web pages from elsewhere that may ask; repeat it."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads that find faces.  [default: one a core]")
    ] = None,
    max_body_mb: Annotated[float, typer.Option(help="Largest body of a request.")] = 10,
    max_pixels: Annotated[int, typer.Option(help="Largest picture, before decoding.")] = 25_000_000,
    max_files: Annotated[int, typer.Option(help="Pictures of one request.")] = 16,
    max_concurrent: Annotated[int, typer.Option(help="Requests worked on at a time.")] = 8,
    queue: Annotated[int, typer.Option(help="Requests that may wait; more get a 503.")] = 56,
    timeout_s: Annotated[float, typer.Option(help="From a whole request to its answer.")] = 30,
    header_timeout_s: Annotated[float, typer.Option(help="For the header of a request.")] = 10,
    body_timeout_s: Annotated[
        float, typer.Option(help="For the body of a request, and 1 s more for each 50 kB.")
    ] = 10,
    max_live: Annotated[int, typer.Option(help="WebSockets at a time.")] = 8,
) -> None:
    """Serve an HTTP API and a web page on this machine.

    SIGTERM and Ctrl-C let what is in flight finish. Needs the extra [serve].
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
    from genderscope.server.limits import Limits
    from genderscope.server.metrics import Metrics

    if token is not None and (len(token) < MINIMUM_TOKEN or not token.isascii()):
        raise UsageError(f"a token has at least {MINIMUM_TOKEN} characters, all of them ASCII")
    for origin in allow_origin or ():
        if "://" not in origin and origin != "*":
            raise UsageError(f"{origin!r} is no origin; write it as https://example.org, or *")
    limits = Limits(
        max_body_bytes=round(max_body_mb * 1e6),
        max_pixels=max_pixels,
        max_files=max_files,
        max_concurrent=max_concurrent,
        queue=queue,
        timeout_s=timeout_s,
        header_timeout_s=header_timeout_s,
        body_timeout_s=body_timeout_s,
        max_live=max_live,
    )
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
    listening = listen(host, port, token)
    cv2.setNumThreads(1)  # each picture has a thread of its own
    place = f"[{host}]" if ":" in host else host
    typer.echo(f"genderscope serves at http://{place}:{listening.getsockname()[1]}")
    server(app, limits).run([listening])
