"""Mutation testing in bounded time: a sample of the mutants of each module, the same for a seed.

    python scripts/mutants.py [--each 30] [--seed 0]

Needs mutmut 3.8.1, whose settings in ``pyproject.toml`` name the modules and their tests. Its first
run makes all mutants and learns which tests run which function; each sampled mutant is tried on
those. Prints a table for ``docs/testing.md`` and the survivors, which ``mutmut show NAME``
explains. A larger sample holds a smaller one, whose results are kept.
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
    """Of each area, the exit code of each mutant; None if it was not tried."""
    found: dict[str, dict[str, int | None]] = {area: {} for area in AREAS}
    for file in sorted(Path("mutants").rglob("*.py.meta")):
        for area, pattern in AREAS.items():
            if re.search(pattern, str(file)):
                found[area] |= sorted(json.loads(file.read_text())["exit_code_by_key"].items())
    return found


def sampled(names: list[str], each: int, seed: int) -> list[str]:
    random.Random(seed).shuffle(names)
    return names[:each]


def main(each: int, seed: int) -> None:
    # It refuses a name that no mutant has, once all mutants are made.
    subprocess.run(["mutmut", "run", "none"], stderr=subprocess.DEVNULL, check=False)
    samples = {area: sampled([*known], each, seed) for area, known in codes().items()}
    names = [name for sample in samples.values() for name in sample]
    subprocess.run(["mutmut", "run", "--max-children", "1", *names], check=True)
    lines = [
        "| module | mutants | tried | killed | share, with 95% interval | out of time |",
        "|---|--:|--:|--:|---|--:|",
    ]
    alive = []
    for area, known in codes().items():
        tried = {name: known[name] for name in samples[area] if known[name] is not None}
        killed = sum(code in KILLED for code in tried.values())
        late = sum(code in TIMEOUT for code in tried.values())
        alive += [name for name, code in tried.items() if code not in KILLED | TIMEOUT]
        share = "-"
        if judged := len(tried) - late:
            low, high = wilson(killed, judged)
            share = f"{killed / judged:.0%} ({float(low):.0%}-{float(high):.0%})"
        lines.append(f"| {area} | {len(known)} | {len(tried)} | {killed} | {share} | {late} |")
    sys.stdout.write("\n".join([*lines, "", *alive, ""]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--each", type=int, default=30, help="mutants of each module")
    parser.add_argument("--seed", type=int, default=0)
    main(**vars(parser.parse_args()))
