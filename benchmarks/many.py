"""A folder of very many small pictures, classified by a run that is killed twice and resumed.

    python -m benchmarks.many [--count 100000] [--output jsonl|parquet]

The pictures are links, in folders of a thousand, to crops of the package's portrait in several
sizes and to a broken file. ``genderscope classify --resume`` is killed (SIGKILL) after a third and
two thirds of the results, and restarted. Then every picture must have exactly one result, in the
order of the folder. Peak memory is Linux's VmHWM of each process. Writes ``results/many.json``;
exit code 1 if a result is missing, duplicated, or out of order.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import cv2

from benchmarks.results import Many, Run, provenance
from genderscope.core.storage import Store, part_of
from genderscope.detection import downloads
from genderscope.evaluation.benchmark import machine
from genderscope.imaging import decode
from genderscope.sinks import jsonl, parquet

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-c", "from genderscope.cli import main; main()", "classify"]
SIDES_PX = (96, 128, 160, 192, 224)
PER_FOLDER = 1000
BROKEN_EACH = 1000


def make(folder: Path, originals: Path, count: int) -> None:
    """Make links under different names to a few pictures; every thousandth is broken."""
    image = cv2.imread(str(decode.PORTRAIT))[:260, 90:350]
    files = []
    for side in SIDES_PX:
        files.append(originals / f"{side}.jpg")
        cv2.imwrite(str(files[-1]), cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA))
    broken = originals / "broken.jpg"
    broken.write_bytes(files[0].read_bytes()[:600])
    for number in range(count):
        subfolder = folder / f"{number // PER_FOLDER:05d}"
        subfolder.mkdir(exist_ok=True)
        target = broken if number % BROKEN_EACH == 500 else files[number % len(files)]
        (subfolder / f"{number:08d}.jpg").symlink_to(target)


def run(command: list[str], results: Callable[[], int], kill_at: int | None) -> Run:
    """Run until the command ends, or kill it at ``kill_at`` results."""
    began, peak_kib, killed = monotonic(), 0, False
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        status = Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            if found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text()):
                peak_kib = int(found[1])
            if kill_at is not None and results() >= kill_at:
                process.kill()
                killed = True
            sleep(0.1)
        assert process.stderr is not None
        last = process.stderr.read().splitlines()[-1:]
    return Run(
        killed=killed,
        exit_code=process.returncode,
        seconds=round(monotonic() - began, 1),
        peak_memory_mb=round(peak_kib * 1024 / 1e6, 1),
        results_after=results(),
        last_line=last[0] if last and not killed else "",
    )


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=100_000)
    options.add_argument("--output", choices=["jsonl", "parquet"], default="jsonl")
    options.add_argument("--detector-model", type=Path, help="YuNet's weights")
    options.add_argument("--out", type=Path, default=ROOT / "results/many.json")
    arguments = options.parse_args()
    weights = arguments.detector_model or downloads.find("yunet")
    chosen = ["--detector-model", str(weights)] if weights else ["--detector", "haar"]
    with tempfile.TemporaryDirectory() as place:
        folder, originals = Path(place, "pictures"), Path(place, "originals")
        folder.mkdir()
        originals.mkdir()
        make(folder, originals, arguments.count)
        target = Path(place, "out" if arguments.output == "parquet" else "out.jsonl")
        command = [*COMMAND, str(folder), f"--{arguments.output}", str(target), "--resume", *chosen]

        def results() -> int:
            if arguments.output == "parquet":
                return parquet.PART_PICTURES * len(parquet.parts(Store(str(target))))
            if not (part := part_of(target)).exists():
                return 0
            with part.open("rb") as lines:
                return sum(block.count(b"\n") for block in iter(lambda: lines.read(1 << 20), b""))

        thirds = (arguments.count // 3, 2 * arguments.count // 3, None)
        runs = [run(command, results, kill_at) for kill_at in thirds]
        sink: Any = parquet if arguments.output == "parquet" else jsonl
        names = [name for name, _ in sink.finished(str(target))]
        expected = [str(path) for path in decode.find([folder])]
    result = Many(
        provenance=provenance("many"),
        machine=machine.describe(),
        detector="yunet" if weights else "haar",
        pictures=arguments.count,
        results=len(names),
        different=len(set(names)),
        in_order=names == expected,
        peak_memory_mb=max(run.peak_memory_mb for run in runs),
        runs=tuple(runs),
    )
    result.save(arguments.out, overwrite=True)
    killed = sum(run.killed for run in runs)
    return int(not (result.in_order and len(names) == arguments.count and killed == 2))


if __name__ == "__main__":
    sys.exit(main())
