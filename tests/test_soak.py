"""The soak benchmark runs and reports memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "soak.py"

if not SCRIPT.is_file():
    pytest.skip("needs the repository's benchmarks/", allow_module_level=True)


def test_soak_reports_how_memory_grew(model: str, tmp_path: Path) -> None:
    for module in ("av", "psutil"):
        pytest.importorskip(module)
    out = tmp_path / "soak.json"
    command = [sys.executable, SCRIPT, "--seconds", "6", "--model", model, "--out", out]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "memory grew by" in done.stdout, done.stderr
    report = json.loads(out.read_text())
    assert report["frames"] > 5
    assert len(report["memory_mib"]) > 3
    assert -0.5 < report["growth"] < 0.5
