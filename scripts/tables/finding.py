"""Which faces are found: rotated, close-up, enlarged and mirrored."""

from common import RESULTS, estimate, row

from benchmarks.results import FindFaces

FILE = RESULTS / "find_faces.json"


def angles() -> str:
    """Faces found by detector, orientation and angle, and the accuracy for these."""
    lines = [
        "| detector | `--orientation` | rotation, degrees | n | found % | accuracy % |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for angle in FindFaces.load(FILE).angles:
        cells = [angle.detector, angle.orientation, angle.degrees, angle.found.n]
        lines.append(row([*cells, estimate(angle.found), estimate(angle.accuracy)]))
    return "\n".join(lines)


def close() -> str:
    """One face that fills a square picture."""
    lines = ["| side, px | n | found % | false boxes, total |", "|--:|--:|--:|--:|"]
    lines += [
        row([face.side_px, face.found.n, estimate(face.found), face.false_boxes])
        for face in FindFaces.load(FILE).filling
    ]
    return "\n".join(lines)


def enlarged() -> str:
    """Faces found in photographs by enlargement, and the time that ``auto`` takes."""
    photographs = FindFaces.load(FILE).enlarged
    factors = max((photograph.faces for photograph in photographs), key=len)
    heads = [f"faces, {factor} times as large" for factor in factors]
    lines = [
        row(["photograph", *heads, "time of `auto` / `upright`"]),
        row(["---", *["--:" for _ in heads], "--:"]),
    ]
    for photograph in photographs:
        counts = [photograph.faces.get(factor, "too large") for factor in factors]
        lines.append(row([photograph.picture, *counts, f"{photograph.auto_to_upright_time:.2f}"]))
    return "\n".join(lines)


def mirrored() -> str:
    """Labels that become the other one in the mirrored picture, neither being ``uncertain``."""
    lines = ["| model | n | opposite firm answer when mirrored, % |", "|---|--:|--:|"]
    for model, share in FindFaces.load(FILE).opposite_when_mirrored.items():
        lines.append(row([f"`{model}`", share.n, estimate(share)]))
    return "\n".join(lines)
