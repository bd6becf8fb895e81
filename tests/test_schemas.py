"""The published JSON Schemas are current, and the stored result files follow them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCHEMAS = ROOT / "docs" / "schemas"
STORED = sorted([*(ROOT / "results").rglob("*.json"), *(ROOT / "src").rglob("weights/*.json")])


def test_the_schemas_are_current():
    command = [sys.executable, ROOT / "scripts" / "schemas.py", "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("file", STORED, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_stored_result_follows_its_schema(file):
    jsonschema = pytest.importorskip("jsonschema_rs", reason="needs the extra [dev]")
    document = json.loads(file.read_text())
    if not isinstance(document, dict) or "kind" not in document:
        pytest.skip("is not a document")
    schema = json.loads((SCHEMAS / f"{document['kind'].replace(' ', '-')}.json").read_text())
    jsonschema.validate(schema, document)
