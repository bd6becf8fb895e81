"""Speeds that users notice, compared with an earlier version and with targets.

    python -m benchmarks.speed_bars --before DIR [--rounds 7] [--pictures DIR]

``DIR`` is a checkout of the earlier version (``git worktree add DIR COMMIT``). Measurements run in
separate processes and take turns, round after round; a ratio is the median of the rounds' ratios. A
round takes about a minute on two idle cores. Writes ``results/speed_bars.json``.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from compileall import compile_dir
from pathlib import Path
from time import perf_counter, sleep
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks.results import Bar, SpeedBars, provenance
from genderscope.evaluation.benchmark import machine

ROOT = Path(__file__).parents[1]
PHOTOGRAPH = "12_angry_men.jpg"
PORTRAIT = "src/genderscope/imaging/samples/astronaut.jpg"
STARTS = {
    "help": ["-m", "genderscope", "--help"],
    "load": ["-c", "import genderscope; genderscope.load()"],
    "one picture": ["-m", "genderscope", "classify", PORTRAIT],
}
NOW, BEFORE = "now", "before"
Values = dict[str, float | str]


def environment(tree: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join((str(tree / "src"), str(ROOT)))}


def start(tree: Path, arguments: list[str]) -> Values:
    """Processor seconds and wall-clock seconds of a start."""
    began = perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=tree,
        env=environment(tree),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return {"processor_s": used.ru_utime + used.ru_stime, "s": perf_counter() - began}


def serve(tree: Path) -> Values:
    """Seconds until the service is ready."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    began = perf_counter()
    command = [sys.executable, "-m", "genderscope", "serve", "--port", str(port)]
    with subprocess.Popen(
        command, env=environment(tree), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as service:
        while service.poll() is None:
            try:
                urlopen(f"http://127.0.0.1:{port}/readyz").close()
            except URLError:
                sleep(0.01)
            else:
                break
        seconds = perf_counter() - began
        service.terminate()
    return {"s": seconds}


def case(tree: Path, *arguments: object, at_once: int = 1) -> Values:
    """A case of ``speed_cases``; of several at once, the total pictures per second."""
    command = [sys.executable, "-m", "benchmarks.speed_cases", *map(str, arguments)]
    running = [
        subprocess.Popen(command, env=environment(tree), stdout=subprocess.PIPE)
        for _ in range(at_once)
    ]
    answers = [json.loads(process.communicate()[0]) for process in running]
    if at_once > 1:
        return {"per_s": sum(answer["per_s"] for answer in answers)}
    values: Values = answers[0]
    return values


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--before", type=Path, required=True, help="an earlier checkout")
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--pictures", type=Path, default=ROOT.parent / "shared/data/photos")
    options.add_argument("--count", type=int, default=100, help="pictures and frames per case")
    options.add_argument("--out", type=Path, default=ROOT / "results/speed_bars.json")
    arguments = options.parse_args()
    photograph, count = arguments.pictures / PHOTOGRAPH, arguments.count
    if not photograph.is_file():
        options.error(f"{photograph} is not there; name its folder with --pictures")
    if not (arguments.before / "src").is_dir():
        options.error(f"--before {arguments.before} is not a checkout")
    described = machine.describe()  # now, for the load before the benchmark
    calls: dict[str, Callable[[Path], Values]] = {
        **{name: lambda tree, words=words: start(tree, words) for name, words in STARTS.items()},
        "serve": serve,
        "bulk 1": lambda tree: case(tree, "classify", photograph, 1, count),
        "bulk 2": lambda tree: case(tree, "classify", photograph, 2, count),
        "bulk 2 switching": lambda tree: case(tree, "classify", photograph, 2, count, 0.0005),
        "bulk twice": lambda tree: case(tree, "classify", photograph, 1, count, at_once=2),
        "video 1": lambda tree: case(tree, "video", 1, count),
        "video 20": lambda tree: case(tree, "video", 20, count),
        "explain": lambda tree: case(tree, "explain", 30),
    }
    trees = {NOW: ROOT, BEFORE: arguments.before.absolute()}
    for tree in trees.values():  # as pip does; else processes might recompile all modules
        compile_dir(tree / "src", quiet=1)
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    texts: dict[tuple[str, str, str], str] = {}
    for number in range(arguments.rounds):
        for name, call in calls.items():
            for version in sorted(trees, reverse=number % 2 == 0):
                for key, value in call(trees[version]).items():
                    if isinstance(value, str):
                        texts[name, key, version] = value
                    else:
                        found[name, key, version].append(value)
        sys.stderr.write(f"round {number + 1} of {arguments.rounds}\n")

    def bar(what: str, values: list[float], target: float, at_least: bool = True) -> Bar:
        value = statistics.median(values)
        return Bar(
            what=what,
            value=round(value, 3),
            range=(round(min(values), 3), round(max(values), 3)),
            bar=target,
            at_least=at_least,
            met=value >= target if at_least else value <= target,
        )

    def ratio(a: tuple[str, str, str], b: tuple[str, str, str]) -> list[float]:
        return [x / y for x, y in zip(found[a], found[b], strict=True)]

    bulk = [(f"bulk {way}", "per_s", NOW) for way in ("1", "2", "2 switching", "twice")]
    bars = [
        bar("--help, processor s", found["help", "processor_s", NOW], 0.15, False),
        bar("import and load(), processor s", found["load", "processor_s", NOW], 0.3, False),
        bar("classify one picture, s", found["one picture", "s", NOW], 0.6, False),
        bar("service ready, s", found["serve", "s", NOW], 2, False),
        bar("two threads to one", ratio(bulk[1], bulk[0]), 1.8),
        bar("two threads to one, switching often", ratio(bulk[2], bulk[0]), 1.8),
        bar("two processes to one", ratio(bulk[3], bulk[0]), 1.8),
        bar("photographs to before, 2 threads", ratio(bulk[1], ("bulk 2", "per_s", BEFORE)), 1.4),
        bar("photographs to before, 1 thread", ratio(bulk[0], ("bulk 1", "per_s", BEFORE)), 1.4),
        bar("explaining 20 faces to plain", found["explain", "guided_to_plain", NOW], 3, False),
    ]
    for faces, target in (("1", 2.2), ("20", 1.5)):
        name, default, whole = f"video {faces}", "default per_s", "whole per_s"
        windows = ratio((name, default, NOW), (name, whole, NOW))
        before = ratio((name, default, NOW), (name, default, BEFORE))
        bars += [
            bar(f"video, faces: {faces}, to whole frames", windows, target),
            bar(f"video, faces: {faces}, to before", before, target),
        ]
    bars.append(bar("frames to a box", found["video 1", "frames_to_box", NOW], 6, False))
    same = {"faces of the photograph": len({texts["bulk 2", "faces", v] for v in trees}) == 1}
    for faces in ("1", "20"):
        for key in ("tracks", "counts"):
            name = f"video {faces}"
            default, whole = (texts[name, f"{way} {key}", NOW] for way in ("default", "whole"))
            same[f"{key}, faces: {faces}"] = default == whole
    SpeedBars(
        provenance=provenance("speed_bars"),
        machine=described,
        rounds=arguments.rounds,
        bars=tuple(bars),
        same=same,
        medians={
            f"{name}, {key}, {version}": round(statistics.median(values), 4)
            for (name, key, version), values in found.items()
        },
    ).save(arguments.out, overwrite=True)


if __name__ == "__main__":
    main()
