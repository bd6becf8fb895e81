"""How many changes of the code the tests notice."""

import csv

from written import RESULTS, row


def mutants() -> str:
    """Mutants by module: tried, killed as sampled, and killed by tests that were written since."""
    with (RESULTS / "mutants.csv").open(newline="") as file:
        modules = [
            (r.pop("module"), {k: int(v) for k, v in r.items()}) for r in csv.DictReader(file)
        ]
    lines = [
        "| module | mutants | tried | killed as sampled | killed since | killed of those tried |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, of in modules:
        counts = (f"{count:,}" for count in of.values())
        killed = (of["killed"] + of["killed_since"]) / of["tried"]
        lines.append(row([name, *counts, f"{100 * killed:.0f}%"]))
    sampled = [of for _, of in modules if of["tried"] < of["mutants"]]
    tried, killed = (sum(of[what] for of in sampled) for what in ("tried", "killed"))
    every = sum(of["mutants"] for of in sampled)
    weighted = sum(of["mutants"] * of["killed"] / of["tried"] for of in sampled) / every
    share = f"{killed} of {tried}, or {100 * killed / tried:.0f}%"
    lines += [
        "",
        f"As sampled {share}; {100 * weighted:.0f}% when each module counts by its mutants.",
    ]
    return "\n".join(lines)
