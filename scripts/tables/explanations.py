"""What the networks look at, and sanity checks of the explanations."""

from common import RESULTS, estimate, percent, row

from experiments.results import Sanity
from genderscope.evaluation.region_survey import RegionSurvey


def sanity() -> str:
    """Similarity of maps to those of networks with increasingly random weights."""
    found = Sanity.load(RESULTS / "explanations" / "sanity.json").networks
    lines = [
        "| network | method | n | last part random | half of the parts | all "
        "| other class | other face | edges |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for network in found:
        for method, result in network.methods.items():
            cascade = result.cascade
            stages = [cascade[0], cascade[(len(cascade) - 1) // 2], cascade[-1]]
            references = [result.other_class, result.other_face, result.edges]
            cells = [f"`{network.model}`", method, f"{network.n}"]
            for similarity in (*stages, *references):
                ends = " to ".join(f"{end:.2f}" for end in similarity.spearman.interval)
                cells.append(f"{similarity.spearman.value:.2f} ({ends})")
            lines.append(row(cells))
    return "\n".join(lines)


def captum() -> str:
    """Differences between the guided graphs and Captum."""
    found = Sanity.load(RESULTS / "explanations" / "sanity.json").networks
    lines = [
        "| network | maps | within 1e-4 | median difference | largest | Captum's within 1e-4 |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for network in found:
        result = network.captum
        within, captums_within = (
            f"{count:,} ({percent(count / result.maps)}%)"
            for count in (result.within, result.captums_within)
        )
        cells = [f"`{network.model}`", f"{result.maps:,}", within, f"{result.median:.0e}"]
        lines.append(row([*cells, f"{result.largest:.0e}", captums_within]))
    return "\n".join(lines)


def regions() -> str:
    """The energy of guided gradients by region of the face."""
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
