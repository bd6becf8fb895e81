# ruff: noqa: E402
"""Real servers for tests: one in a thread, or the console command in a process."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

for extra in ("fastapi", "uvicorn", "websockets", "python_multipart", "prometheus_client", "httpx"):
    pytest.importorskip(extra, reason="needs the extra [serve]")

import httpx

from console import COMMAND
from fakes import BrightnessClassifier
from genderscope.core.protocols import Detector
from genderscope.core.types import Box, Face, Image
from genderscope.server.app import create_app
from genderscope.server.connections import listen, server
from genderscope.server.engine import Engine, Model
from genderscope.server.limits import Limits


class Gated:
    """A detector that finds one face, once its gate is open.

    Attributes:
        gate: closed by ``clear``.
        working: pictures that wait at the gate.
    """

    name = "gated"

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.working = 0

    def __call__(self, image: Image) -> list[Face]:
        self.working += 1
        assert self.gate.wait(30)
        self.working -= 1
        height, width = image.shape[:2]
        return [Face(Box(0, 0, width, height))]


def fake_engine(detector: Detector, **options: Any) -> Engine:
    model = Model(BrightnessClassifier(), None, Path(__file__))
    return engine_of({"brightness": model}, detector, **options)


def engine_of(models: Mapping[str, Model], detector: Detector, **options: Any) -> Engine:
    return Engine(models, next(iter(models)), lambda: detector, **options)


@contextmanager
def running(engine: Engine, limits: Limits | None = None, **options: Any) -> Iterator[httpx.Client]:
    """A client of a server that runs in a thread."""
    limits = limits or Limits()
    listening = listen("127.0.0.1", 0, None)
    running_server = server(create_app(engine, limits, **options), limits)
    thread = threading.Thread(target=running_server.run, args=([listening],))
    thread.start()
    address = "http://127.0.0.1:{1}".format(*listening.getsockname())
    try:
        with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
            wait_until(lambda: running_server.started or not thread.is_alive())
            yield client
    finally:
        running_server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


@contextmanager
def serving(*arguments: object, **environment: str) -> Iterator[tuple[httpx.Client, Any]]:
    """A client of ``genderscope serve`` on a free port, and its process."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--detector", "haar", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stdout
    address = process.stdout.readline().split()[-1]
    try:
        with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
            wait_until(lambda: _ready(client))
            yield client, process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.ConnectError:
        return False


def wait_until(condition: Any, timeout_s: float = 60) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def problem(response: httpx.Response, status: int, words: str) -> None:
    """It is that problem, as RFC 9457 writes it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    details = json.loads(response.text)
    assert details.keys() == {"type", "title", "status", "detail"}
    assert details["status"] == status
    assert words in details["detail"]
