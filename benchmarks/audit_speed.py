"""Time and memory of an audit: ``python benchmarks/audit_speed.py [PERSONS]``.

Makes 100,000 predictions with five columns of 2 to 9 values (and a column of PERSONS persons, if
given), audits them by all columns and pairs of columns in its own process, and writes seconds and
memory to ``results/audit_speed.json``.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

N = 100_000
VALUES = {"race": 7, "age": 9, "light": 3, "camera": 5, "glasses": 2}

persons = int(sys.argv[1]) if len(sys.argv) > 1 else 0
random = np.random.default_rng(0)
columns = {name: random.integers(0, count, N) for name, count in VALUES.items()}
if persons:
    columns["identity"] = random.integers(0, persons, N)
truth, score = random.integers(0, 2, N), random.beta(0.5, 0.5, N)
with tempfile.TemporaryDirectory() as folder:
    table = Path(folder) / "predictions.csv"
    with table.open("w") as lines:
        lines.write(f"file,label,score,{','.join(columns)}\n")
        lines.writelines(
            f"{row}.jpg,{('woman', 'man')[label]},{man:.4f},{','.join(map(str, values))}\n"
            for row, (label, man, values) in enumerate(
                zip(truth, score, zip(*columns.values(), strict=True), strict=True)
            )
        )
    command = [Path(sys.executable).with_name("genderscope"), "audit", "--predictions", table]
    began = time.monotonic()
    subprocess.run([*command, "--by", ",".join(VALUES), "--out", folder], check=True)
    seconds = time.monotonic() - began
result = {
    "predictions": N,
    "columns": VALUES,
    "persons": persons or None,
    "seconds": seconds,
    "megabytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    "processor": platform.processor() or platform.machine(),
    "cores": os.cpu_count(),
    "python": platform.python_version(),
    "seed": 0,
    "command": " ".join(["python", "benchmarks/audit_speed.py", *sys.argv[1:]]),
}
text = json.dumps(result, indent=2) + "\n"
(Path(__file__).parents[1] / "results" / "audit_speed.json").write_text(text)
sys.stdout.write(text)
