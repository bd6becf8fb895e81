"""How many changes of the code the tests notice."""

import csv

from common import RESULTS, row


def mutants() -> str:
    """Mutants by module: tried, killed as sampled, and killed by tests written since."""
    with (RESULTS / "mutants.csv").open(newline="") as file:
        modules = [
            (r.pop("module"), {k: int(v) for k, v in r.items()}) for r in csv.DictReader(file)
        ]
    lines = [
        "| module | mutants | tried | killed as sampled | killed since | killed of those tried |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, counts in modules:
        killed = (counts["killed"] + counts["killed_since"]) / counts["tried"]
        lines.append(row([name, *(f"{n:,}" for n in counts.values()), f"{100 * killed:.0f}%"]))
    sampled = [counts for _, counts in modules if counts["tried"] < counts["mutants"]]
    total, tried, killed = (
        sum(counts[column] for counts in sampled) for column in ("mutants", "tried", "killed")
    )
    weighted = sum(m["mutants"] * m["killed"] / m["tried"] for m in sampled) / total
    lines += [
        "",
        f"In the sample, {killed} of {tried} ({100 * killed / tried:.0f}%) were killed; "
        f"{100 * weighted:.0f}% with modules weighted by their number of mutants.",
    ]
    return "\n".join(lines)
