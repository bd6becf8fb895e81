"""The accuracy of the shipped models."""

from pathlib import Path

from common import RESULTS, estimate, percent, row

from genderscope.core.results import Estimate
from genderscope.evaluation.counterfactuals import Counterfactuals
from genderscope.evaluation.evaluate import Evaluation, beside
from genderscope.inference.classifier import WEIGHTS, find, shipped

ADULTS = ("20-59", "18 and older")
"""Names of the adult group; each data set has one of them."""
TARGETS = {
    "error ratio of the worst to the best race group": "1.6",
    "gap between women's and men's recall, points": "1.5",
    "flip rate with clear glasses %": "2",
    "flip rate with dark glasses %": "5",
    "flip rate with a surgical mask %": "8",
}


def adult_accuracy(evaluation: Evaluation) -> Estimate:
    [group] = [g for name, g in evaluation.by_group["adult"].items() if name in ADULTS]
    return group.accuracy


def results() -> str:
    """A row for each result file of each shipped model."""
    lines = [
        "| model | data set | detector | n | accuracy % | women's recall % | men's recall % "
        "| gap, points | answered % | accuracy of these % | accuracy of adults % |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for model in shipped():
        for result in beside(find(model)):
            rates, selective = result.rates, result.selective
            cells = [
                f"`{model}`",
                result.data,
                result.detector,
                f"{result.n:,}",
                estimate(rates.accuracy, "**"),
                *(percent(recall.value) for recall in rates.recall.values()),
                estimate(rates.recall_gap),
                percent(selective.coverage.value),
                estimate(selective.accuracy),
                estimate(adult_accuracy(result)),
            ]
            lines.append(row(cells))
    return "\n".join(lines)


def mitigation() -> str:
    """mini-Xception before and after training on faces with glasses and masks drawn on."""
    before, after = (_measures(folder) for folder in (RESULTS / "mitigation" / "before", WEIGHTS))
    lines = ["| | before | after | target |", "|---|---|---|--:|"]
    lines += [row([name, before[name], after[name], TARGETS.get(name, "")]) for name in before]
    return "\n".join(lines)


def _measures(folder: Path) -> dict[str, str]:
    """The measures with targets and related ones, from an evaluation and counterfactuals."""
    rates = Evaluation.load(folder / "mini_xception.fairface-val-no-leaks.yunet.json")
    flips = Counterfactuals.load(folder / "mini_xception.counterfactuals.json")
    races = [(race, group.accuracy.value) for race, group in rates.by_group["race"].items()]
    (worst, low), *_, (best, high) = sorted(races, key=lambda group: group[1])
    ratio = (1 - low) / (1 - high)
    flip_rates = {condition.name: condition.flip_rate for condition in flips.conditions}
    return {
        "accuracy %": estimate(rates.rates.accuracy),
        "error of the worst race group %": f"{percent(1 - low)} ({worst})",
        "error of the best race group %": f"{percent(1 - high)} ({best})",
        "error ratio of the worst to the best race group": f"{ratio:.1f}",
        "gap between women's and men's recall, points": estimate(rates.rates.recall_gap),
    } | {
        f"flip rate with {words} %": estimate(flip_rates[name])
        for words, name in {
            "clear glasses": "clear glasses",
            "dark glasses": "dark glasses",
            "a surgical mask": "surgical mask",
            "a head scarf": "head scarf",
            "a hat": "hat",
        }.items()
    }
