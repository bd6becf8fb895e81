"""The latency of the service for an ordinary client during attacks.

    python -m benchmarks.hostile_service [--requests 1000] [--model mini_xception]

One client sends portraits, first alone and then during attacks: scan bombs, memory bombs, pictures
that decode for ever, two endless series of forms with 16 pictures of 25 megapixels, and slow
clients. Prints both series as JSON; fails unless all responses are 200 and the 99th percentile
under attack is at most 5 times the quiet one.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from tests import hostile

from benchmarks.load import Client, portraits, started

SIDE_PX = 4990  # 24.9 megapixels
SLOW_CLIENTS = 20
MAX_RATIO = 5


def bombs() -> list[tuple[bytes, bytes]]:
    """Request bodies and their content types."""
    large = hostile.png_of_zeros(SIDE_PX, SIDE_PX, 2)
    part = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n%b\r\n' % large
    form = part * 16 + b"--b--\r\n", b"multipart/form-data; boundary=b"
    pictures = [
        hostile.jpeg_of_scans(SIDE_PX, 3000),
        hostile.jpeg_of_scans(SIDE_PX, 80),
        hostile.png_of_zeros(SIDE_PX, SIDE_PX, 6),
        hostile.png_of_zeros(30_000, 30_000, 0, 1),
        hostile.pgm_in_words(2000),
    ]
    return [form, form, *((picture, b"image/jpeg") for picture in pictures)]


async def repeated(attack: Callable[[], Awaitable[Any]]) -> None:
    while True:
        with suppress(OSError):
            await attack()


async def drip(port: int) -> None:
    """Send a header byte by byte."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.5)


async def attacked(client: Client, requests: int) -> None:
    attackers = [Client(client.port, [body], kind) for body, kind in bombs()]
    tasks = [asyncio.create_task(repeated(partial(attacker.ask, 1, 1))) for attacker in attackers]
    tasks += [
        asyncio.create_task(repeated(partial(drip, client.port))) for _ in range(SLOW_CLIENTS)
    ]
    await asyncio.sleep(1)
    try:
        await client.ask(requests, 1)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Peak:
    """The peak memory of a process and its children in MB, until ``stop``."""

    def __init__(self, process: psutil.Process) -> None:
        self.mb, self._process, self._stopped = 0.0, process, threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(0.05):
            used = 0
            with suppress(psutil.Error):
                for process in (self._process, *self._process.children()):
                    with suppress(psutil.Error):  # a decoder that has ended
                        used += process.memory_info().rss
            self.mb = max(self.mb, used / 1e6)


def measure(model: str, requests: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        portraits(Path(folder))
        bodies = [file.read_bytes() for file in sorted(Path(folder).iterdir())]
    process, port = started(model)
    series = {}
    try:
        asyncio.run(Client(port, bodies).ask(len(bodies), 1))
        for name in ("quiet", "attacked"):
            client, peak = Client(port, bodies), Peak(process)
            asyncio.run(client.ask(requests, 1) if name == "quiet" else attacked(client, requests))
            peak.stop()
            series[name] = {
                "statuses": dict(client.statuses),
                "latency_ms": client.latency_ms(),
                "peak_mb": round(peak.mb),
            }
    finally:
        process.terminate()
        process.wait()
    quiet, under_attack = (series[name]["latency_ms"]["99"] for name in ("quiet", "attacked"))
    return {**series, "p99_ratio": round(float(under_attack / quiet), 2)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--model", default="mini_xception")
    options = parser.parse_args()
    result = measure(options.model, options.requests)
    sys.stdout.write(json.dumps(result, indent=1) + "\n")
    answered = all(result[name]["statuses"].keys() == {"200"} for name in ("quiet", "attacked"))
    sys.exit(not answered or result["p99_ratio"] > MAX_RATIO)
