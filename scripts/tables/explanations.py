"""What the networks look at, and how far to believe it."""

from written import RESULTS, estimate, percent, row

from experiments.results import Sanity
from genderscope.evaluation.region_survey import RegionSurvey


def sanity() -> str:
    """How alike maps are to those of a network with ever more random weights."""
    found = Sanity.load(RESULTS / "explanations" / "sanity.json").networks
    lines = [
        "| network | method | n | the last part random | half of them | all "
        "| other class | other face | edges |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for network in found:
        for method, of in network.methods.items():
            cascade = of.cascade
            stages = [cascade[0], cascade[(len(cascade) - 1) // 2], cascade[-1]]
            compared = [of.other_class, of.other_face, of.edges]
            cells = [f"`{network.model}`", method, f"{network.n}"]
            for stage in (*stages, *compared):
                ends = " to ".join(f"{end:.2f}" for end in stage.spearman.interval)
                cells.append(f"{stage.spearman.value:.2f} ({ends})")
            lines.append(row(cells))
    return "\n".join(lines)


def captum() -> str:
    """How far the guided graphs are from Captum."""
    found = Sanity.load(RESULTS / "explanations" / "sanity.json").networks
    lines = [
        "| network | maps | within 1e-4 | median difference | largest | Captum's within 1e-4 |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for network in found:
        of = network.captum
        within, own = (
            f"{count:,} ({percent(count / of.maps)}%)" for count in (of.within, of.captums_within)
        )
        ends = f"{of.median:.0e} | {of.largest:.0e}"
        lines.append(f"| `{network.model}` | {of.maps:,} | {within} | {ends} | {own} |")
    return "\n".join(lines)


def regions() -> str:
    """Where on the face the energy of guided gradients lies."""
    lines: list[str] = []
    for file in sorted((RESULTS / "explanations").glob("regions-*.json")):
        survey = RegionSurvey.load(file)
        regions = survey.groups[0].regions
        if not lines:
            lines += [f"| network | labelled, answers | n | {' | '.join(regions)} |"]
            lines += [f"|---|---|--:|{'--:|' * len(regions)}"]
        area = [percent(region.area) for region in regions.values()]
        lines.append(f"| `{survey.model}` | *area* | | *{'* | *'.join(area)}* |")
        for group in survey.groups:
            name = group.group or f"{group.label}, {group.answers}"
            shares = (estimate(region.share) for region in group.regions.values())
            lines.append(row(["", name, f"{group.n:,}", *shares]))
    return "\n".join(lines)
