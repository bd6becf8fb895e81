"""Copies between data sets, what the check for them finds, and what the commands take."""

import csv

from written import RESULTS, estimate, percent, row

from benchmarks.results import DataSpeed, NearDuplicateCheck
from genderscope.data.leakage import Leakage, PartSummary
from genderscope.data.leakage.duplicates import Pair

NAMES = {"fairface": "FairFace", "utkface": "UTKFace"}
SHOWN = {
    "one photograph": "show the same photograph, cropped or lit slightly differently, or one taken "
    "moments later",
    "one woman": "appear to show one woman on different occasions: FairFace holds many pictures of "
    "her",
}


def name(part: PartSummary) -> str:
    data_set = NAMES[part.source.partition(":")[0]]
    return data_set if part.split == "all" else f"{data_set} {part.split}"


def leakage() -> str:
    """Copies and near duplicates between each two parts."""
    lines = ["| between | pairs compared | same bytes | near duplicates |", "|---|--:|--:|--:|"]
    for of in Leakage.load(RESULTS / "leakage.json").comparisons:
        between = f"{name(of.a)} and {name(of.b)}"
        counts = of.counts["same bytes"], of.counts["near duplicate"]
        lines.append(row([between, f"{of.a.pictures * of.b.pictures:,}", *counts]))
    return "\n".join(lines)


def by_eye() -> str:
    """What one person saw in the near duplicates, and what follows."""
    with (RESULTS / "leakage_by_eye.csv").open(newline="") as lines:
        seen = {(pair["a"], pair["b"]): pair["shows"] for pair in csv.DictReader(lines)}
    overlap = Leakage.load(RESULTS / "leakage.json").comparisons[0]
    exact, near = [], []
    for pair in overlap.pairs:
        (near if pair.kind == "near duplicate" else exact).append(pair)
    shown: dict[str, list[Pair]] = {}
    for pair in near:
        shown.setdefault(seen[pair.a, pair.b], []).append(pair)
    strangers = ", ".join(f"{pair.correlation:.3f}" for pair in shown["two persons"])
    counts = [f"- {len(shown[what])} {words};" for what, words in SHOWN.items()]
    counts.append(
        f"- {len(shown['two persons'])} show different persons (correlations {strangers}): "
        "false positives."
    )
    one = [*exact, *shown["one photograph"]]
    of_a, of_b = len({pair.a for pair in one}), len({pair.b for pair in one})
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
            f"{len(exact)} exact copies, {len(one)} pairs of one photograph involve {of_b} of the "
            f"{overlap.b.pictures:,} validation pictures ({percent(of_b / overlap.b.pictures)}%) "
            f"and {of_a} of the {overlap.a.pictures:,} training pictures "
            f"({percent(of_a / overlap.a.pictures)}%); all pairs involve {all_b} validation "
            f"pictures ({most}%). The overlap can therefore raise the accuracy on FairFace's "
            f"validation pictures by at most {most} percentage points, and only if a network were "
            "wrong on all of them without it. It cannot have raised the figures on UTKFace.",
        ]
    )


def _check() -> NearDuplicateCheck:
    return NearDuplicateCheck.load(RESULTS / "near_duplicates.json")


def copies() -> str:
    """Exact copies that are labelled differently."""
    exact = sum(
        of.counts["same bytes"] for of in Leakage.load(RESULTS / "leakage.json").comparisons
    )
    differ = _check().copies_that_disagree
    return (
        f"Of the {exact} exact copies, the two parts disagree on gender in {differ['label']}, on "
        f"the age group in {differ['age']} and on the race group in {differ['race']}. These are "
        "far too few to estimate a rate."
    )


def changes() -> str:
    """Changed pictures that are found again."""
    found = _check()
    lines = ["| change | n | found % |", "|---|--:|--:|"]
    lines += [row([change, of.n, estimate(of)]) for change, of in found.changes.items()]
    return "\n".join([*lines, "", f"False pairs among these: {found.false_pairs}."])


def controls() -> str:
    """What the check says of pairs that cannot be duplicates."""
    found = _check()
    mirrored, unmirrored = found.mirrored, found.unmirrored
    million = 1e6 * unmirrored.within / unmirrored.pairs
    return (
        f"- Pictures of FairFace and UTKFace are {found.median_distance_bits:.0f} bits apart in "
        f"the median. Of {unmirrored.pairs:,} such pairs {unmirrored.within:,} are within 70 bits "
        f"({million:.1f} in a million), and their details correlate by at most "
        f"{unmirrored.highest_correlation:.4f}.\n"
        "- Pairs with one picture mirrored are a control, since hardly anyone publishes mirrored "
        f"photographs. Of {mirrored.pairs:,} such pairs {mirrored.within:,} are within 70 bits, "
        f"and the highest correlation is {mirrored.highest_correlation:.4f}."
    )


def costs() -> str:
    """Time and memory of the commands for data sets."""
    found = DataSpeed.load(RESULTS / "data_speed.json")
    lines = [
        "| command | pictures | seconds | processor seconds | pictures a processor second "
        "| peak memory of a process, MB |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for of in found.commands:
        rate = of.pictures / of.processor_seconds
        times = f"{of.seconds:.1f}", f"{of.processor_seconds:.1f}", f"{rate:,.0f}"
        cells = [f"`{of.command}`", f"{of.pictures:,}", *times, f"{of.peak_memory_mb:.0f}"]
        lines.append(row(cells))
    return "\n".join([*lines, "", f"Measured on {found.machine.cpu}."])
