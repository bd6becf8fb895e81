"""Time and memory of the commands for data sets: ``python -m benchmarks.data_speed fairface:DIR``.

Explores a synthetic table of IMDB's layout and size, and prepares the crops of a data set with its
boxes and with those of a detector. Each command runs once, in its own process. Writes
``results/data_speed.json``.
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from benchmarks.results import CommandCost, DataSpeed, provenance
from genderscope.data import datasets
from genderscope.evaluation.benchmark import machine

ROOT = Path(__file__).parents[1]
GENDERSCOPE = [sys.executable, "-c", "from genderscope.cli import main; main()"]


def cost(arguments: list[str], pictures: int, name: str) -> CommandCost:
    """Run a command; ``name`` is the command in the result."""
    began = perf_counter()
    process = subprocess.Popen([*GENDERSCOPE, *arguments], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{name} failed with exit code {process.returncode}")
    return CommandCost(
        command=name,
        pictures=pictures,
        seconds=round(perf_counter() - began, 1),
        processor_seconds=round(used.ru_utime + used.ru_stime, 1),
        peak_memory_mb=round(used.ru_maxrss * 1024 / 1e6),
    )


def table_of_imdb(file: Path) -> int:
    """Write a table of IMDB's size; the number of rows. Runs in its own process, since on Linux the
    peak memory of a command is at least that of its parent process.
    """
    script = (
        "import imdb_mat, sys; from pathlib import Path; rows = imdb_mat.PUBLISHED_ROWS; "
        "imdb_mat.write(Path(sys.argv[1]), imdb_mat.table(rows)); print(rows)"
    )
    command = [sys.executable, "-c", script, str(file)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    return int(subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout)


def explored(folder: Path) -> CommandCost:
    (folder / "imdb").mkdir()
    rows = table_of_imdb(folder / "imdb" / "imdb.mat")
    command = ["explore", f"imdb:{folder / 'imdb'}", "--metadata-only"]
    name = "explore imdb:data/imdb --metadata-only"
    return cost([*command, "--out", str(folder / "explored")], rows, name)


def prepared(source: str, folder: Path, options: str) -> CommandCost:
    pictures = sum(1 for _ in datasets.read(source))
    command = ["prepare", source, *shlex.split(options), "--out", str(folder / options)]
    return cost(command, pictures, f"prepare {source} {options}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("source", help="a data set with boxes, such as fairface:DIR")
    options.add_argument("--out", type=Path, default=ROOT / "results/data_speed.json")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        commands = (
            explored(folder),
            prepared(arguments.source, folder, "--given-boxes --jobs 1"),
            prepared(arguments.source, folder, "--detector yunet --jobs 2"),
        )
    DataSpeed(
        provenance=provenance("data_speed"),
        machine=machine.describe(),
        commands=commands,
    ).save(arguments.out, overwrite=True)


if __name__ == "__main__":
    main()
