"""Pictures per second of ``classify`` by the number of workers, on this machine.

    python -m benchmarks.scaling [--pictures FILE ...] [--repeats 200] [--rounds 3] [--ray]

Threads of the local engine, and with ``--ray`` processes of a local Ray cluster, from one to the
number of cores, take turns on the same pictures under different names: a photograph of 1280 x 720
pixels with ten faces, and the package's portrait of 512 x 512 with one. Measures pictures per
second, the speed-up over one worker, and the processor time per picture. Ray's times exclude
starting Ray and each worker's first part. Writes ``results/scaling.json``.
"""

import argparse
import os
import statistics
import tempfile
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, process_time

from benchmarks.results import Curve, Scaling, Speed, provenance
from genderscope.core.extras import installation
from genderscope.detection import downloads
from genderscope.evaluation.benchmark import machine
from genderscope.imaging.decode import PORTRAIT, Encoded
from genderscope.inference import bulk, cluster
from genderscope.inference.bulk import Settings

ROOT = Path(__file__).parents[1]
PICTURES = [
    ROOT.parent / "shared/data/photos/12_angry_men.jpg",
    PORTRAIT,
]
SHARD_PICTURES = 20


def with_threads(files: list[Path], settings: Settings, threads: int) -> tuple[float, float]:
    """Pictures per second, and processor seconds per picture."""
    pictures = (Encoded(str(file), file) for file in files)
    scope = settings.scope()
    began, worked = perf_counter(), process_time()
    for _ in bulk.classify(pictures, settings, threads, scope):
        pass
    return len(files) / (perf_counter() - began), (process_time() - worked) / len(files)


def with_processes(folder: Path, settings: Settings, workers: int) -> float:
    """Pictures per second, after the first part of every worker."""
    with tempfile.TemporaryDirectory() as out:
        parts = cluster.classify([str(folder)], out, settings, workers, SHARD_PICTURES)
        next(parts)
        for _ in range(workers):  # not timed: the first part of each worker
            next(parts)
        began = perf_counter()
        done = sum(tally["pictures"] for tally in parts)
        return done / (perf_counter() - began)


def speeds(values: dict[int, list[float]]) -> tuple[Speed, ...]:
    one_worker = statistics.median(values[1])
    return tuple(
        Speed(
            workers=workers,
            pictures_per_second=round(statistics.median(rates), 2),
            range=(round(min(rates), 2), round(max(rates), 2)),
            times_one_worker=round(statistics.median(rates) / one_worker, 3),
        )
        for workers, rates in values.items()
    )


def measure(picture: Path, settings: Settings, arguments: argparse.Namespace) -> Curve:
    cores = range(1, (os.cpu_count() or 1) + 1)
    threads: dict[int, list[float]] = {count: [] for count in cores}
    processes: dict[int, list[float]] = {count: [] for count in cores}
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, f"{number:06d}.jpg") for number in range(arguments.repeats)]
        for file in files:
            file.symlink_to(picture.absolute())
        for _ in range(arguments.rounds):
            for count in cores:
                rate, worked = with_threads(files, settings, count)
                threads[count].append(rate)
                seconds += [worked] if count == 1 else []
                if arguments.ray:
                    processes[count].append(with_processes(Path(folder), settings, count))
    return Curve(
        picture=picture.name,
        pictures_a_round=arguments.repeats,
        rounds=arguments.rounds,
        processor_ms_a_picture=round(1e3 * statistics.median(seconds), 3),
        threads=speeds(threads),
        ray_processes=speeds(processes) if arguments.ray else (),
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pictures", type=Path, nargs="+", default=PICTURES)
    options.add_argument("--detector-model", type=Path, help="YuNet's weights")
    options.add_argument("--model", default="mini_xception")
    options.add_argument("--repeats", type=int, default=200)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--ray", action="store_true", help="measure Ray's processes too")
    options.add_argument("--out", type=Path, default=ROOT / "results/scaling.json")
    arguments = options.parse_args()
    weights = arguments.detector_model or downloads.find("yunet")
    if weights is None:
        options.error("run 'genderscope models pull yunet' first, or give --detector-model")
    if missing := [str(picture) for picture in arguments.pictures if not picture.is_file()]:
        options.error(f"no such picture: {', '.join(missing)}; give others with --pictures")
    if arguments.ray and find_spec("ray") is None:
        options.error(f"--ray needs Ray: {installation('cluster')}")
    settings = Settings(
        model=arguments.model, detector="yunet", detector_model=str(weights.absolute())
    )
    Scaling(
        provenance=provenance("scaling"),
        machine=machine.describe(),
        model=arguments.model,
        detector="yunet",
        curves=tuple(measure(picture, settings, arguments) for picture in arguments.pictures),
    ).save(arguments.out, overwrite=True)


if __name__ == "__main__":
    main()
