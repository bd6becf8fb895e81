"""Which faces are found: turned, close, enlarged and mirrored."""

from written import RESULTS, estimate, row

from benchmarks.results import FindFaces

FILE = RESULTS / "find_faces.json"


def angles() -> str:
    """Faces found by detector, orientation and angle, and the accuracy for these."""
    lines = [
        "| detector | `--orientation` | turned by, degrees | n | found % | accuracy % |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for one in FindFaces.load(FILE).angles:
        shares = estimate(one.found), estimate(one.accuracy)
        lines.append(row([one.detector, one.orientation, one.degrees, one.found.n, *shares]))
    return "\n".join(lines)


def close() -> str:
    """One face that fills a square picture."""
    lines = ["| side, px | n | found % | false boxes in all |", "|--:|--:|--:|--:|"]
    lines += [
        row([one.side_px, one.found.n, estimate(one.found), one.false_boxes])
        for one in FindFaces.load(FILE).filling
    ]
    return "\n".join(lines)


def enlarged() -> str:
    """Faces of photographs by enlargement, and what ``auto`` costs."""
    found = FindFaces.load(FILE).enlarged
    times = max((one.faces for one in found), key=len)
    heads = [f"faces, {time} times as large" for time in times]
    lines = [
        row(["photograph", *heads, "time of `auto` to `upright`"]),
        row(["---", *["--:" for _ in heads], "--:"]),
    ]
    for one in found:
        counts = [one.faces.get(time, "too large") for time in times]
        lines.append(row([one.picture, *counts, f"{one.auto_to_upright_time:.2f}"]))
    return "\n".join(lines)


def mirrored() -> str:
    """Firm answers that become the opposite firm answer in the mirrored picture."""
    lines = ["| model | n | opposite firm answer when mirrored, % |", "|---|--:|--:|"]
    for model, share in FindFaces.load(FILE).opposite_when_mirrored.items():
        lines.append(row([f"`{model}`", share.n, estimate(share)]))
    return "\n".join(lines)
