"""How the pictures a second of ``classify`` grow with its workers, on this machine.

    python scripts/scaling.py [--pictures FILE ...] [--repeats 200] [--rounds 3] [--ray]

Threads of the local engine, and with ``--ray`` processes of Ray's on a cluster of this machine,
from one to as many as there are cores, take turns on the same pictures under different names: the
photograph of 1280 x 720 pixels with ten faces, and the package's portrait of 512 x 512 with one.
For each: pictures a second, how many times those of one worker, and the processor's milliseconds a
picture. Starting Ray and its workers is not in its times, which run from the first parts to the
last. Writes ``results/scaling.json``.
"""

import argparse
import json
import os
import shlex
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import genderscope
from genderscope.detection import downloads
from genderscope.evaluation.benchmark import machine
from genderscope.imaging.decode import Encoded
from genderscope.inference import bulk, cluster
from genderscope.inference.bulk import Settings

ROOT = Path(__file__).parents[1]
PICTURES = [
    ROOT.parent / "shared/data/photos/12_angry_men.jpg",
    Path(genderscope.__file__).parent / "imaging/samples/astronaut.jpg",
]
SHARD_PICTURES = 20


def with_threads(files: list[Path], settings: Settings, threads: int) -> tuple[float, float]:
    """Pictures a second, and processor seconds a picture."""
    pictures = (Encoded(str(file), file) for file in files)
    scope = settings.scope()
    began, worked = perf_counter(), process_time()
    for _ in bulk.classify(pictures, settings, threads, scope):
        pass
    return len(files) / (perf_counter() - began), (process_time() - worked) / len(files)


def with_processes(folder: Path, settings: Settings, workers: int) -> float:
    """Pictures a second, from when every worker has done a part to the last."""
    with tempfile.TemporaryDirectory() as out:
        parts = cluster.classify([str(folder)], out, settings, workers, SHARD_PICTURES)
        next(parts)
        for _ in range(workers):  # the first part of each is done while the clock stands
            next(parts)
        began = perf_counter()
        done = sum(tally["pictures"] for tally in parts)
        return done / (perf_counter() - began)


def rows(values: dict[int, list[float]]) -> list[dict[str, Any]]:
    one = statistics.median(values[1])
    return [
        {
            "workers": workers,
            "pictures_per_second": round(statistics.median(rates), 2),
            "range": [round(min(rates), 2), round(max(rates), 2)],
            "times_one_worker": round(statistics.median(rates) / one, 3),
        }
        for workers, rates in values.items()
    ]


def measure(picture: Path, settings: Settings, asked: argparse.Namespace) -> dict[str, Any]:
    cores = range(1, (os.cpu_count() or 1) + 1)
    threads: dict[int, list[float]] = {count: [] for count in cores}
    processes: dict[int, list[float]] = {count: [] for count in cores}
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, f"{number:06d}.jpg") for number in range(asked.repeats)]
        for file in files:
            file.symlink_to(picture.absolute())
        for _ in range(asked.rounds):
            for count in cores:
                rate, worked = with_threads(files, settings, count)
                threads[count].append(rate)
                seconds += [worked] if count == 1 else []
                if asked.ray:
                    processes[count].append(with_processes(Path(folder), settings, count))
    return {
        "picture": picture.name,
        "pictures_a_round": asked.repeats,
        "rounds": asked.rounds,
        "processor_ms_a_picture": round(1e3 * statistics.median(seconds), 3),
        "threads": rows(threads),
        **({"ray_processes": rows(processes)} if asked.ray else {}),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pictures", type=Path, nargs="+", default=PICTURES)
    options.add_argument("--detector-model", type=Path, help="YuNet's weights")
    options.add_argument("--model", default="mini_xception")
    options.add_argument("--repeats", type=int, default=200)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--ray", action="store_true", help="measure Ray's processes too")
    options.add_argument("--out", type=Path, default=ROOT / "results/scaling.json")
    asked = options.parse_args()
    weights = asked.detector_model or downloads.find("yunet")
    if weights is None:
        options.error("'genderscope models pull yunet' first, or name --detector-model")
    if missing := [str(picture) for picture in asked.pictures if not picture.is_file()]:
        options.error(f"no such picture: {', '.join(missing)}; name others with --pictures")
    settings = Settings(model=asked.model, detector="yunet", detector_model=str(weights.absolute()))
    result = {
        "command": shlex.join(["python", *sys.argv]),
        "machine": machine.describe(),
        "model": asked.model,
        "detector": "yunet",
        "curves": [measure(picture, settings, asked) for picture in asked.pictures],
    }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
