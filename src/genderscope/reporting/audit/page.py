"""An audit as a report, in HTML and in Markdown."""

from collections.abc import Iterator

from genderscope.evaluation.audit.results import Audit
from genderscope.reporting.audit import sentences
from genderscope.reporting.audit.groups import MOST_DRAWN, division_blocks, error_rates, single
from genderscope.reporting.audit.sections import calibration, counterfactuals, regions
from genderscope.reporting.page import Block, Items, Link, Section, markdown, page

MOST_HEADLINES = 8
MEASURES = {
    "error": "wrong without abstention: the label with the higher score counts even where the "
    "answer is uncertain; no answer counts as wrong",
    "missed": "not given its label: the other label, uncertain, or no answer",
    "uncertain": "answered with uncertain",
    "answered error": "wrong, of those given a label",
    "recall": "right without abstention, of those with this label",
}
SOURCES = (
    Link("Intervals of shares: Wilson 1927", "https://doi.org/10.1080/01621459.1927.10502953"),
    Link(
        "Intervals of differences: Newcombe 1998, method 10",
        "https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8%3C873::AID-SIM779%3E3.0.CO;2-I",
    ),
    "Intervals of ratios: Donner and Zou 2012, Statistical Methods in Medical Research 21:347-359.",
    Link("Many comparisons: Holm 1979", "https://www.jstor.org/stable/4615733"),
    Link("Pictures of one person: Rao and Scott 1992", "https://doi.org/10.2307/2532311"),
    Link("Chance levels of calibration: Bröcker, Smith 2007", "https://doi.org/10.1175/WAF993.1"),
)


def documents(audit: Audit, sheet: bytes | None = None) -> dict[str, str]:
    """The HTML and the Markdown, by file name; ``sheet`` is the encoded contact sheet."""
    dataset = (audit.dataset or "").partition(":")[0]
    title = f"Audit of {audit.name}" + (f" on {dataset}" if dataset else "")
    start, parts = list(_introduction(audit)), _sections(audit, sheet)
    return {
        "audit.html": page(title, start, parts),
        "audit.md": markdown(title, start, parts),
    }


def summary(audit: Audit) -> Iterator[str]:
    """The most important findings, as sentences."""
    yield from sentences.overall(audit)
    for division in audit.divisions[:MOST_HEADLINES]:
        yield sentences.headline(division, audit)
    yield from sentences.notes(audit)


def _sections(audit: Audit, sheet: bytes | None) -> list[Section]:
    rates = error_rates(single(audit)[: MOST_DRAWN * 2], audit)
    return [
        Section("Summary", [*rates, Items(list(summary(audit)))]),
        *(
            Section(f"By {sentences.title(part.columns)}", list(division_blocks(part, audit)))
            for part in audit.divisions
        ),
        *calibration(audit),
        *counterfactuals(audit.counterfactuals, sheet),
        *regions(audit.regions),
        Section("How to read this", list(_reading(audit))),
    ]


def _introduction(audit: Audit) -> Iterator[Block]:
    facts = [f"{audit.n:,} labelled pictures"]
    if audit.persons is not None:
        facts.append(f"{audit.persons:,} persons")
    if audit.split:
        facts.append(f"split: {audit.split}")
    if audit.detector:
        facts.append(f"detector: {audit.detector}")
    yield (
        f"The errors of {audit.name} by group ({'; '.join(facts)}). It answers woman, man or "
        "uncertain for each face: perceived gender presentation, as annotators see it, not "
        "anyone's gender. The groups are labels of the data set as well; none is predicted."
    )
    yield (
        "Numbers in brackets are 95% intervals. A difference is called significant only if chance "
        "would rarely produce one as large, given the number of comparisons."
    )


def _reading(audit: Audit) -> Iterator[Block]:
    yield Items([f"{word}: {meaning}." for word, meaning in MEASURES.items()])
    persons = (
        "Pictures of one person are alike: rates are over all pictures, and intervals are for the "
        "effective number of independent ones. "
        if audit.persons is not None
        else ""
    )
    yield Items(
        [
            f"{persons}A group of fewer than {audit.smallest_n} {sentences.unit(audit)} has no "
            f"numbers, and one of fewer than {audit.few_n} is marked.",
            "The extremes of many groups look further apart than they are; the lower limits of the "
            "intervals of their difference and ratio allow for this.",
            "More or fewer errors: the interval of the difference excludes 0, and p is at most "
            "0.05 after Holm's correction for all comparisons of the report in that measure. The "
            "chance of any false verdict is then at most 5%. The absence of a verdict proves "
            "nothing: small groups can hide large differences.",
            "A difference between groups need not be caused by the attribute that names them: they "
            "may differ in age, light, pose or annotators. See the crossed groups too.",
            "A rate holds for this data set, is as good as its labels, and says nothing about any "
            "single person.",
        ]
    )
    yield from SOURCES
    provenance = audit.provenance
    versions = ", ".join(f"{library} {version}" for library, version in provenance.versions.items())
    yield f"Made by: {provenance.command}"
    yield f"Seed {provenance.seed}; {versions}. audit.json has the same numbers."
