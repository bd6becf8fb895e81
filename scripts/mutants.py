"""Mutation testing in bounded time: a seeded random sample of the mutants of each module.

    python scripts/mutants.py [--each 30] [--seed 0]

Needs mutmut 3.8.1, whose settings in ``pyproject.toml`` name the modules and their tests. Its first
run generates all mutants and records which tests run which function; each sampled mutant runs only
those. Prints a table for ``docs/testing.md`` and the survivors, which ``mutmut show NAME`` shows. A
larger sample contains the smaller ones, whose results are kept.
"""

import argparse
import json
import random
import re
import subprocess
import sys
from pathlib import Path

from genderscope.evaluation.metrics import wilson

KILLED, TIMEOUT = {1, 3}, {-24, 24, 36, 152, 255}  # of mutmut's exit codes
AREAS = {
    "metrics": r"evaluation/metrics/(__init__|groups|paired)\.",
    "calibration": r"evaluation/metrics/calibration\.",
    "audit": "evaluation/audit/",
    "preprocessing": "imaging/preprocess",
    "counts": "video/",
    "limits": r"(imaging|server)/limits\.",
    "access": "server/access",
}


def codes() -> dict[str, dict[str, int | None]]:
    """The exit codes of the mutants of each area; None if not tried."""
    results: dict[str, dict[str, int | None]] = {area: {} for area in AREAS}
    for file in sorted(Path("mutants").rglob("*.py.meta")):
        for area, pattern in AREAS.items():
            if re.search(pattern, str(file)):
                results[area] |= sorted(json.loads(file.read_text())["exit_code_by_key"].items())
    return results


def sampled(names: list[str], each: int, seed: int) -> list[str]:
    random.Random(seed).shuffle(names)
    return names[:each]


def main(each: int, seed: int) -> None:
    # Generates all mutants, then fails as no mutant has this name.
    subprocess.run(["mutmut", "run", "none"], stderr=subprocess.DEVNULL, check=False)
    samples = {area: sampled([*mutants], each, seed) for area, mutants in codes().items()}
    names = [name for sample in samples.values() for name in sample]
    subprocess.run(["mutmut", "run", "--max-children", "1", *names], check=True)
    lines = [
        "| module | mutants | tried | killed | share, with 95% interval | timed out |",
        "|---|--:|--:|--:|---|--:|",
    ]
    survivors = []
    for area, mutants in codes().items():
        tried = {name: mutants[name] for name in samples[area] if mutants[name] is not None}
        killed = sum(code in KILLED for code in tried.values())
        late = sum(code in TIMEOUT for code in tried.values())
        survivors += [name for name, code in tried.items() if code not in KILLED | TIMEOUT]
        share = "-"
        if finished := len(tried) - late:
            low, high = wilson(killed, finished)
            share = f"{killed / finished:.0%} ({float(low):.0%}-{float(high):.0%})"
        lines.append(f"| {area} | {len(mutants)} | {len(tried)} | {killed} | {share} | {late} |")
    sys.stdout.write("\n".join([*lines, "", *survivors, ""]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--each", type=int, default=30, help="mutants of each module")
    parser.add_argument("--seed", type=int, default=0)
    main(**vars(parser.parse_args()))
