"""The service answers an ordinary client while others attack it; times are not tested."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
if not (ROOT / "benchmarks" / "hostile_service.py").is_file():
    pytest.skip("needs the repository's benchmarks/", allow_module_level=True)
for module in ("fastapi", "uvicorn", "scipy", "psutil"):
    pytest.importorskip(module)


def test_an_ordinary_client_is_answered_beside_attacks(model: str) -> None:
    command = [sys.executable, "-m", "benchmarks.hostile_service", "--requests", "8"]
    done = subprocess.run(
        [*command, "--model", model], cwd=ROOT, capture_output=True, text=True, check=False
    )
    report = json.loads(done.stdout)
    for name in ("quiet", "attacked"):
        assert report[name]["statuses"] == {"200": 8}
        assert report[name]["peak_mb"] < 1000
