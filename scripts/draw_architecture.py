"""Draw the packages and their imports for docs/architecture.md.

    python scripts/draw_architecture.py [--check]

Rows are the layers of the import-linter contract in pyproject.toml. Arrows are imports between
packages, without transitive ones. ``--check`` fails if the drawing is out of date.
"""

import sys
import tomllib
from html import escape
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
DRAWING = ROOT / "docs" / "images" / "architecture.svg"
PURPOSES = {
    "cli": "commands: parse, call, print",
    "api": "what Python code imports",
    "measures": "evaluation and audit in notebooks",
    "server": "HTTP, WebSocket, web page",
    "training": "networks, recipes, export",
    "reporting": "pages, plots, model cards",
    "evaluation": "metrics, audits, comparisons",
    "video": "cameras, tracking, counts",
    "data": "data sets, splits, prepared crops",
    "inference": "classifier, pipeline, bulk jobs",
    "detection": "haar, yunet, tiling",
    "sinks": "jsonl, csv, parquet, video",
    "imaging": "decoding, the crop, drawing",
    "core": "types, errors, results, plug-ins",
}
TRAINING = {"training"}
WIDTH, HEIGHT, GAP, STEP, CANVAS = 230, 54, 60, 92, 640


def layers() -> list[list[str]]:
    """The packages of each layer, highest first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    [contract] = (
        contract
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers" and contract["containers"] == ["genderscope"]
    )
    rows = ([name.strip() for name in layer.split("|")] for layer in contract["layers"])
    return [row for row in rows if row != ["__main__"]]


def imports(packages: set[str]) -> set[tuple[str, str]]:
    """(importer, imported) pairs of packages, transitively reduced."""
    graph = grimp.build_graph("genderscope")
    direct: dict[str, set[str]] = {package: set() for package in packages}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            a, b = (f"{name}.".split(".")[1] for name in (module, imported))
            if a in packages and b in packages and a != b:
                direct[a].add(b)

    def reachable(package: str) -> set[str]:
        return direct[package].union(*map(reachable, direct[package]))

    return {(a, b) for a in packages for b in direct[a] - set().union(*map(reachable, direct[a]))}


def drawing() -> str:
    """The SVG."""
    rows = layers()
    corners: dict[str, tuple[int, int]] = {}
    for number, row in enumerate(rows):
        left = (CANVAS - len(row) * WIDTH - (len(row) - 1) * GAP) // 2
        for column, package in enumerate(row):
            corners[package] = (left + column * (WIDTH + GAP), 16 + number * STEP)
    height = len(rows) * STEP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {CANVAS} {height}" '
        f'width="{CANVAS}" height="{height}" font-family="sans-serif" role="img">',
        "<title>The packages of genderscope and their imports</title>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#667"/></marker></defs>',
        f'<rect width="{CANVAS}" height="{height}" fill="#fff"/>',
    ]
    for above, below in sorted(imports(set(corners))):
        (left, top), (end, bottom) = corners[above], corners[below]
        x1, y1, x2, y2 = left + WIDTH // 2, top + HEIGHT, end + WIDTH // 2, bottom - 2
        if y2 - y1 < STEP:
            bend = (y2 - y1) // 2
            path = f"M{x1} {y1}C{x1} {y1 + bend} {x2} {y2 - bend} {x2} {y2}"
        else:  # around the rows between, to the side of the box
            side = 1 if x1 > x2 else -1
            x1, y2 = x1 + side * WIDTH // 3, bottom + HEIGHT // 2
            x2 += side * (WIDTH // 2 + 2)
            path = f"M{x1} {y1}V{y2 - 20}Q{x1} {y2} {x1 - side * 20} {y2}H{x2}"
        lines.append(
            f'<path d="{path}" fill="none" stroke="#667" stroke-width="1.5" '
            'marker-end="url(#head)"/>'
        )
    for package, (left, top) in corners.items():
        fill, stroke = ("#fdecd8", "#b5651d") if package in TRAINING else ("#e8f0fb", "#3a66a7")
        middle = left + WIDTH // 2
        lines += [
            f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" rx="7" '
            f'fill="{fill}" stroke="{stroke}"/>',
            f'<text x="{middle}" y="{top + 23}" text-anchor="middle" font-size="16" '
            f'font-weight="bold" fill="#223">{package}</text>',
            f'<text x="{middle}" y="{top + 42}" text-anchor="middle" font-size="12.5" '
            f'fill="#334">{escape(PURPOSES[package])}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    svg = drawing()
    if "--check" in sys.argv:
        if not DRAWING.exists() or DRAWING.read_text() != svg:
            sys.exit(f"{DRAWING} is out of date: run python scripts/draw_architecture.py")
    else:
        DRAWING.write_text(svg)
