"""The service under load, compared with the pipeline alone on the same pictures.

    python benchmarks/load.py [--pictures DIR] [--requests 10000] [--connections 32]

The server runs in its own process. In each round the pipeline first processes the pictures in
another, then the server answers its share of the requests. Without ``--pictures``, the pictures are
the package's portrait in several sizes. Finally the server repeatedly refuses a picture of 30,000 x
30,000 pixels in 109 kB. Writes ``results/load.json``.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import psutil
import scipy.stats
from PIL import Image

import genderscope
from genderscope.imaging import decode

ROOT = Path(__file__).parents[1]
SIDES_PX = (224, 320, 448, 512)
WARM_UP = 500
BOMB_PX, REFUSALS = 30_000, 200


def portraits(folder: Path) -> None:
    with Image.open(decode.PORTRAIT) as picture:
        for side in SIDES_PX:
            picture.resize((side, side)).save(folder / f"{side}.jpg", quality=90)


def bomb(side: int) -> bytes:
    """A black PNG of side x side pixels, one bit each."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    compressor = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    rows = b"".join(compressor.compress(row) for _ in range(side)) + compressor.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def alone(folder: str, model: str, count: int) -> float:
    """Pictures per second of the pipeline alone."""
    files = sorted(decode.find([folder]))
    scope = genderscope.load(model)
    list(scope.stream(decode.frames(files)))
    begin = time.perf_counter()
    done = sum(1 for _ in scope.stream(decode.frames(islice(cycle(files), count))))
    return done / (time.perf_counter() - begin)


class Client:
    """Connections that each send the next request as soon as the last is answered.

    Attributes:
        statuses: counts of response statuses; ``error`` without a response.
        latencies_s: of each response.
    """

    def __init__(self, port: int, bodies: list[bytes], kind: bytes = b"image/jpeg") -> None:
        self.port, self.bodies, self.kind = port, bodies, kind
        self.statuses: Counter[str] = Counter()
        self.latencies_s: list[float] = []

    async def ask(self, requests: int, connections: int) -> float:
        """Send requests; the requests per second."""
        numbers = iter(range(requests))
        begin = time.perf_counter()
        await asyncio.gather(*(self._connection(numbers) for _ in range(connections)))
        return requests / (time.perf_counter() - begin)

    def latency_ms(self) -> dict[str, float]:
        """Percentiles of the latency."""
        percents = (50, 90, 99, 100)
        latencies_ms = np.percentile(self.latencies_s, percents) * 1e3
        pairs = zip(percents, latencies_ms, strict=True)
        return {str(percent): round(ms, 1) for percent, ms in pairs}

    async def _connection(self, numbers: Iterator[int]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for number in numbers:
            body = self.bodies[number % len(self.bodies)]
            begin = time.perf_counter()
            try:
                writer.write(
                    b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: %b\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (self.kind, len(body), body)
                )
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
            except (OSError, asyncio.IncompleteReadError):
                self.statuses["error"] += 1
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                continue
            self.latencies_s.append(time.perf_counter() - begin)
            self.statuses[head.split(b" ", 2)[1].decode()] += 1
        writer.close()


def started(model: str) -> tuple[psutil.Popen, int]:
    """The process and the port of a server that is ready."""
    command = [Path(sys.executable).with_name("genderscope"), "serve", "--port", "0"]
    process = psutil.Popen([*command, "--model", model], stdout=subprocess.PIPE, text=True)
    address = process.stdout.readline().split()[-1]
    for _ in range(300):
        try:
            with urlopen(f"{address}/readyz"):
                return process, int(address.rpartition(":")[2])
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server did not become ready in 30 s")


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    bodies = [Path(file).read_bytes() for file in sorted(decode.find([folder]))]
    process, port = started(options.model)
    share = options.requests // options.rounds
    spawn = multiprocessing.get_context("spawn")
    try:
        asyncio.run(Client(port, bodies).ask(WARM_UP, options.connections))
        begin_bytes = process.memory_info().rss
        client = Client(port, bodies)
        pipeline_per_s, server_per_s = [], []
        for _ in range(options.rounds):
            with ProcessPoolExecutor(1, spawn) as pool:
                per_s = pool.submit(alone, str(folder), options.model, options.alone).result()
            pipeline_per_s.append(per_s)
            server_per_s.append(asyncio.run(client.ask(share, options.connections)))
        end_bytes = process.memory_info().rss
        refused = Client(port, [bomb(BOMB_PX)])
        asyncio.run(refused.ask(REFUSALS, 1))
    finally:
        process.terminate()
        process.wait()
    ratios = np.divide(server_per_s, pipeline_per_s)
    half = scipy.stats.t.ppf(0.975, len(ratios) - 1) * scipy.stats.sem(ratios)
    return {
        "command": " ".join(["python", "benchmarks/load.py", *sys.argv[1:]]),
        "machine": {"system": platform.platform(), "cores": len(os.sched_getaffinity(0))},
        "model": options.model,
        "detector": genderscope.load(options.model).detector.name,
        "pictures": len(bodies),
        "connections": options.connections,
        "requests": share * options.rounds,
        "statuses": dict(client.statuses),
        "latency_ms": client.latency_ms(),
        "refusal": {"statuses": dict(refused.statuses), "latency_ms": refused.latency_ms()},
        "rounds": options.rounds,
        "server_requests_per_s": [round(per_s, 2) for per_s in server_per_s],
        "pipeline_pictures_per_s": [round(per_s, 2) for per_s in pipeline_per_s],
        "ratio": round(statistics.mean(ratios), 4),
        "ratio_interval": [round(ratios.mean() - half, 4), round(ratios.mean() + half, 4)],
        "memory_begin_mb": round(begin_bytes / 1e6, 1),
        "memory_end_mb": round(end_bytes / 1e6, 1),
        "memory_growth": round(end_bytes / begin_bytes - 1, 4),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--alone", type=int, default=600, help="pictures per round of the pipeline")
    parser.add_argument("--model", default="mini_xception")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "load.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.pictures is None:
            portraits(Path(folder))
        result = measure(options.pictures or Path(folder), options)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
