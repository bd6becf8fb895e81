"""Duplicates between data sets, the check that finds them, and the cost of the commands."""

import csv

from common import RESULTS, estimate, percent, row

from benchmarks.results import DataSpeed, NearDuplicateCheck
from genderscope.data.leakage import Leakage, PartSummary
from genderscope.data.leakage.duplicates import Pair

NAMES = {"fairface": "FairFace", "utkface": "UTKFace"}
DESCRIPTIONS = {
    "one photograph": "show the same photograph, cropped or lit slightly differently, or one taken "
    "moments later",
    "one woman": "appear to show one woman on different occasions: FairFace has many pictures of "
    "her",
}


def name(part: PartSummary) -> str:
    data_set = NAMES[part.source.partition(":")[0]]
    return data_set if part.split == "all" else f"{data_set} {part.split}"


def leakage() -> str:
    """Exact copies and near duplicates between every two parts."""
    lines = ["| between | pairs compared | same bytes | near duplicates |", "|---|--:|--:|--:|"]
    for parts in Leakage.load(RESULTS / "leakage.json").comparisons:
        a, b, counts = parts.a, parts.b, parts.counts
        cells = [f"{name(a)} and {name(b)}", f"{a.pictures * b.pictures:,}"]
        lines.append(row([*cells, counts["same bytes"], counts["near duplicate"]]))
    return "\n".join(lines)


def by_eye() -> str:
    """One person's review of the near duplicates, and its consequences."""
    with (RESULTS / "leakage_by_eye.csv").open(newline="") as lines:
        verdicts = {(pair["a"], pair["b"]): pair["shows"] for pair in csv.DictReader(lines)}
    overlap = Leakage.load(RESULTS / "leakage.json").comparisons[0]
    exact, near = [], []
    for pair in overlap.pairs:
        (near if pair.kind == "near duplicate" else exact).append(pair)
    reviewed: dict[str, list[Pair]] = {}
    for pair in near:
        reviewed.setdefault(verdicts[pair.a, pair.b], []).append(pair)
    false_pairs = reviewed["two persons"]
    correlations = ", ".join(f"{pair.correlation:.3f}" for pair in false_pairs)
    counts = [f"- {len(reviewed[verdict])} {text};" for verdict, text in DESCRIPTIONS.items()]
    counts.append(
        f"- {len(false_pairs)} show different persons (correlations {correlations}): false "
        "positives."
    )
    same = [*exact, *reviewed["one photograph"]]
    same_a, same_b = len({pair.a for pair in same}), len({pair.b for pair in same})
    all_b = len({pair.b for pair in overlap.pairs})
    most = percent(all_b / overlap.b.pictures)
    return "\n".join(
        [
            f"One person looked at the {len(near)} near duplicates on the contact sheet, one by "
            "one ([leakage_by_eye.csv](../results/leakage_by_eye.csv)):",
            "",
            *counts,
            "",
            "**Consequences.** FairFace's published parts overlap. With the "
            f"{len(exact)} exact copies, {len(same)} pairs of one photograph involve {same_b} of "
            f"the {overlap.b.pictures:,} validation pictures "
            f"({percent(same_b / overlap.b.pictures)}%) and {same_a} of the "
            f"{overlap.a.pictures:,} training pictures "
            f"({percent(same_a / overlap.a.pictures)}%); all pairs involve {all_b} validation "
            f"pictures ({most}%). The overlap can therefore raise the accuracy on FairFace's "
            f"validation pictures by at most {most} percentage points, and only if a network were "
            "wrong on all of them without it. It cannot have raised the figures on UTKFace.",
        ]
    )


def _check() -> NearDuplicateCheck:
    return NearDuplicateCheck.load(RESULTS / "near_duplicates.json")


def copies() -> str:
    """Exact copies that are labelled differently."""
    comparisons = Leakage.load(RESULTS / "leakage.json").comparisons
    exact = sum(comparison.counts["same bytes"] for comparison in comparisons)
    differ = _check().copies_that_disagree
    return (
        f"Of the {exact} exact copies, the two parts disagree on the gender label in "
        f"{differ['label']}, on the age group in {differ['age']} and on the race group in "
        f"{differ['race']}. These are far too few to estimate a rate."
    )


def changes() -> str:
    """The share of changed pictures that the check finds."""
    found = _check()
    lines = ["| change | n | found % |", "|---|--:|--:|"]
    lines += [row([change, share.n, estimate(share)]) for change, share in found.changes.items()]
    return "\n".join([*lines, "", f"False pairs among these: {found.false_pairs}."])


def controls() -> str:
    """The check on pairs that cannot be duplicates."""
    found = _check()
    mirrored, unmirrored = found.mirrored, found.unmirrored
    per_million = 1e6 * unmirrored.within / unmirrored.pairs
    return (
        f"- Pictures of FairFace and UTKFace are {found.median_distance_bits:.0f} bits apart in "
        f"the median. Of {unmirrored.pairs:,} such pairs {unmirrored.within:,} are within 70 bits "
        f"({per_million:.1f} in a million), and their details correlate by at most "
        f"{unmirrored.highest_correlation:.4f}.\n"
        "- Pairs with one picture mirrored are a control, since hardly anyone publishes mirrored "
        f"photographs. Of {mirrored.pairs:,} such pairs {mirrored.within:,} are within 70 bits, "
        f"and the highest correlation is {mirrored.highest_correlation:.4f}."
    )


def costs() -> str:
    """Time and memory of the commands for data sets."""
    found = DataSpeed.load(RESULTS / "data_speed.json")
    lines = [
        "| command | pictures | seconds | processor seconds | pictures per processor second "
        "| peak memory of a process, MB |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for cost in found.commands:
        cells = [
            f"`{cost.command}`",
            f"{cost.pictures:,}",
            f"{cost.seconds:.1f}",
            f"{cost.processor_seconds:.1f}",
            f"{cost.pictures / cost.processor_seconds:,.0f}",
            f"{cost.peak_memory_mb:.0f}",
        ]
        lines.append(row(cells))
    return "\n".join([*lines, "", f"Measured on {found.machine.cpu}."])
