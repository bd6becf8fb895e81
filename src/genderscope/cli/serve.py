from typing import Annotated

from typer import Option, echo

from genderscope.cli._options import DetectorModel, DetectorName, Model, Orientation, expanded
from genderscope.cli._output import note
from genderscope.core.errors import UsageError
from genderscope.core.extras import require
from genderscope.server.limits import Limits

PANEL = "Use"
MIN_TOKEN = 16


@expanded
def serve(
    limits: Limits,
    host: str = "127.0.0.1",
    port: Annotated[int, Option(min=0, max=65535)] = 8000,
    model: Model = "mini_xception",
    detector: DetectorName = None,
    detector_model: DetectorModel = None,
    orientation: Orientation = "auto",
    token: Annotated[str | None, Option(envvar="GENDERSCOPE_TOKEN")] = None,
    allow_origin: Annotated[list[str] | None, Option(metavar="ORIGIN")] = None,
    allowed_host: Annotated[list[str] | None, Option(metavar="HOST")] = None,
    workers: Annotated[int | None, Option(min=1)] = None,
    open_page: Annotated[bool, Option("--open")] = False,
) -> None:
    """Serve the HTTP API and the web page.

    SIGTERM and Ctrl-C shut down gracefully: requests in progress finish. Needs the extra [serve].

    Args:
        host: address to listen on; any but loopback needs --token.
        port: port to listen on; 0 picks a free one.
        token: token that clients must send; the environment variable keeps it out of process lists.
        allow_origin: allow requests from web pages of this origin; repeatable.
        allowed_host: also answer requests to this host name, besides loopback and --host; * for
            any; repeatable.
        workers: detection threads.  [default: one per CPU core]
        open_page: open the web page in a browser.
    """
    import os
    import re
    import webbrowser
    from functools import partial

    import cv2

    from genderscope import detection

    for module in ("fastapi", "uvicorn", "websockets", "python_multipart", "prometheus_client"):
        require(module, "serve")
    from genderscope.server.app import create_app
    from genderscope.server.connections import listen, server
    from genderscope.server.engine import Engine, load_models
    from genderscope.server.metrics import Metrics

    if token is not None and (len(token) < MIN_TOKEN or not re.fullmatch("[!-~]+", token)):
        raise UsageError(
            f"a token needs at least {MIN_TOKEN} characters, all printable ASCII, without spaces"
        )
    for origin in allow_origin or ():
        if origin != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/A-Z]+", origin):
            raise UsageError(f"{origin!r} is not an origin; write https://example.org, or *")
    for allowed in allowed_host or ():
        if allowed != "*" and not re.fullmatch(r"[^\s/:\[\]]+|\[[0-9A-Fa-f:.]+\]", allowed):
            raise UsageError(
                f"{allowed!r} is not a host name; write example.org, without scheme or port, or *"
            )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    metrics = Metrics()
    engine = Engine(
        *load_models(model),
        partial(detection.create, detector, model=detector_model, orientation=orientation),
        workers or cores or 1,
        limits=limits,
        observe=metrics.batches.observe,
    )
    name = f"[{host}]" if ":" in host else host
    app = create_app(
        engine,
        limits,
        metrics=metrics,
        token=token,
        allow_origins=frozenset(allow_origin or ()),
        allowed_hosts=[name, *(allowed_host or ())],
    )
    socket = listen(host, port, token)
    cv2.setNumThreads(1)  # pictures run in parallel instead
    address = f"http://{name}:{socket.getsockname()[1]}"
    line = f"genderscope serves at {address}"
    try:
        echo(line)
    except OSError:  # standard output is closed
        note(line)
    if open_page and not webbrowser.open(address):
        note(f"no browser was found; open {address} yourself")
    server(app, limits).run([socket])
