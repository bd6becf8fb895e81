"""An audit as a report: drawings first, then plain sentences, then tables.

The same sections make the page and the Markdown. Knows what ``audit.report`` returns, nothing of
pictures but the sheet of counterfactuals that it is given.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from genderscope.reporting.audit import sentences
from genderscope.reporting.audit.extras import calibration, counterfactuals, regions
from genderscope.reporting.audit.groups import MOST_DRAWN, divided, ranges
from genderscope.reporting.audit.sentences import name
from genderscope.reporting.page import Block, Items, Link, Section

MOST_HEADLINES = 8
MEANINGS = {
    "error": "wrong when made to choose: where it says uncertain, the label with the higher score "
    "counts; no answer is wrong",
    "missed": "not called what it is labelled: the other label, uncertain, or no answer",
    "uncertain": "left undecided",
    "answered error": "wrong, of those called woman or man",
    "recall": "of those labelled so, the share called so when made to choose",
}
SOURCES = (
    Link(
        "Intervals of shares: Wilson 1927",
        "https://doi.org/10.1080/01621459.1927.10502953",
    ),
    Link(
        "Intervals of differences: Newcombe 1998, method 10",
        "https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8%3C873::AID-SIM779%3E3.0.CO;2-I",
    ),
    "Intervals of ratios: Donner and Zou 2012, Statistical Methods in Medical Research 21:347-359.",
    Link("Many comparisons: Holm 1979", "https://www.jstor.org/stable/4615733"),
    Link(
        "Pictures of one person: Rao and Scott 1992",
        "https://doi.org/10.2307/2532311",
    ),
    Link(
        "Chance levels of calibration: Bröcker and Smith 2007",
        "https://doi.org/10.1175/WAF993.1",
    ),
)


def sections(numbers: Mapping[str, Any], sheet: bytes | None = None) -> list[Section]:
    """All of the report but its title and introduction.

    Args:
        numbers: of ``audit.report``.
        sheet: the counterfactuals' pictures, encoded.
    """
    return [
        Section("In short", list(_short(numbers))),
        *(
            Section(f"By {sentences.title(division['columns'])}", list(divided(division, numbers)))
            for division in numbers["divisions"]
        ),
        *calibration(numbers),
        *counterfactuals(numbers["counterfactuals"], sheet),
        *regions(numbers["regions"]),
        Section("How to read this", list(_reading(numbers))),
    ]


def title(numbers: Mapping[str, Any]) -> str:
    about = numbers["about"]
    dataset = about.get("dataset", "").partition(":")[0]
    return f"Audit of {about['name']}" + (f" on {dataset}" if dataset else "")


def introduction(numbers: Mapping[str, Any]) -> list[Block]:
    """What was audited and what its words mean."""
    about = numbers["about"]
    facts = [f"{numbers['n']:,} labelled pictures"]
    if numbers["persons"] is not None:
        facts.append(f"{numbers['persons']:,} persons")
    facts += [f"{key}: {about[key]}" for key in ("split", "detector") if key in about]
    return [
        f"How often {about['name']} errs, and for whom ({'; '.join(facts)}). It says of a face "
        "woman, man or uncertain: how the face presents to those who labelled the pictures, not "
        "who anybody is. The groups are the data set's own labels too; nothing here predicts them.",
        "Numbers in brackets are 95% intervals: the shares that the pictures leave plausible. "
        "A difference is said to be shown only where chance hardly makes one as large, with all "
        "comparisons counted.",
    ]


def _short(numbers: Mapping[str, Any]) -> Iterator[Block]:
    single = [part for part in numbers["divisions"] if len(part["columns"]) == 1]
    rows = [
        (f"{sentences.title(part['columns'])}: {name(group['group'])}", group)
        for part in single
        for group in part["groups"]
    ]
    yield from ranges(rows[: MOST_DRAWN * 2], "error", "wrong when made to choose", numbers)
    yield Items(list(short(numbers)))


def short(numbers: Mapping[str, Any]) -> Iterator[str]:
    """The most important of what is found, in sentences."""
    yield from sentences.overall(numbers)
    for division in numbers["divisions"][:MOST_HEADLINES]:
        yield sentences.headline(division, numbers)
    yield from _notes(numbers)


def _notes(numbers: Mapping[str, Any]) -> Iterator[str]:
    for key, text in {
        "unlabelled": "without a label, and counted nowhere here",
        "no_answer": "without an answer, and counted as errors",
        "uncertain_without_score": "uncertain without a score to decide by, and counted as errors",
        "without_score": "without a score, so calibration leaves them out",
    }.items():
        if numbers[key]:
            yield f"{numbers[key]:,} pictures are {text}."


def _reading(numbers: Mapping[str, Any]) -> Iterator[Block]:
    yield Items([f"{word}: {meaning}." for word, meaning in MEANINGS.items()])
    persons = (
        "Pictures of one person are alike and count for less: shares are those of all pictures, "
        "intervals those of as many independent ones as they are worth. "
        if numbers["persons"] is not None
        else ""
    )
    yield Items(
        [
            f"{persons}A group of fewer than {numbers['smallest_n']} pictures has no numbers, and "
            f"one of fewer than {numbers['few_n']} is marked.",
            "The most and the least extreme of many groups look further apart than they are; the "
            "lower ends of the intervals of their difference and ratio allow for that.",
            "A verdict needs an interval of the difference without 0 and a p of at most 0.05 after "
            "Holm's correction for all comparisons of the report in that measure, so that any "
            "false verdict at all has a chance of at most 5%. Without a verdict nothing is proven: "
            "small groups can hide large differences.",
            "A difference between groups need not come from what names them: they may differ in "
            "age, light, pose or in who labelled them. Look at the crossed groups too.",
            "A rate is one of this data set, as good as its labels, and says nothing about any one "
            "person.",
        ]
    )
    yield from SOURCES
    versions = ", ".join(f"{library} {found}" for library, found in numbers["versions"].items())
    yield f"Made by: {numbers['command']}" if numbers["command"] else "Made in Python."
    yield f"Seed {numbers['seed']}; {versions}. The same numbers stand in audit.json."
