"""A client of the HTTP service: the faces of a folder's pictures as CSV on standard output.

genderscope serve                                  # in another terminal
python examples/client.py photos/ http://127.0.0.1:8000 > faces.csv
"""

import csv
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def pictures(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*")) if file.suffix.lower() in SUFFIXES)


def main(folder: str, address: str = "http://127.0.0.1:8000") -> int:
    """Exit code 1 if a picture failed."""
    if not Path(folder).is_dir():
        sys.exit(f"{folder} is not a folder")
    token = os.environ.get("GENDERSCOPE_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    table = csv.writer(sys.stdout)
    table.writerow(["file", "label", "confidence", "x", "y", "width", "height"])
    failed = 0
    with httpx.Client(base_url=address, headers=headers, timeout=30) as client:
        for file in pictures(Path(folder)):
            answer = client.post("/v1/classify", files={"file": (file.name, file.read_bytes())})
            if answer.is_error:  # problem+json: one sentence says what to do
                print(f"{file}: {answer.json()['detail']}", file=sys.stderr)
                failed = 1
                continue
            [picture] = answer.json()["pictures"]
            if "error" in picture:
                print(f"{file}: {picture['error']}", file=sys.stderr)
                failed = 1
            for face in picture.get("faces", []):
                place = [face["box"][side] for side in ("x", "y", "width", "height")]
                table.writerow([file, face["label"], face["confidence"], *place])
    return failed


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except httpx.TransportError as error:
        sys.exit(f"the service does not answer: {error}; start it with 'genderscope serve'")
