"""How good the shipped models are."""

import json
from pathlib import Path
from typing import Any

from written import RESULTS, between, measured, percent, row

from genderscope.inference.classifier import WEIGHTS, shipped

ADULTS = ("20-59", "18 and older")
"""Ages as the data sets let them be told apart."""


def results() -> str:
    """A row for each result file of each shipped model."""
    lines = [
        "| model | data set | detector | n | accuracy % | women's recall % | men's recall % "
        "| gap, points | answered % | accuracy of these % | accuracy of adults % |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for model in shipped():
        for file in sorted(WEIGHTS.glob(f"{model}.*.*.json")):
            found = json.loads(file.read_text())
            recall, chosen = found["recall"], found["selective"]
            [adults] = [v for name, v in found["by_group"]["adult"].items() if name in ADULTS]
            cells = [
                f"`{model}`",
                f"{found['dataset'].partition(':')[0]} {found['split']}"
                + (", no leaks" if "--exclude" in found["command"] else ""),
                found["detector"],
                f"{found['n']:,}",
                f"**{percent(found['accuracy'])}** ({between(found['accuracy_interval'])})",
                percent(recall["woman"]),
                percent(recall["man"]),
                measured(found["recall_gap"], found["recall_gap_interval"]),
                percent(chosen["coverage"]),
                measured(chosen["accuracy_of_answered"], chosen["interval"]),
                measured(adults["accuracy"], adults["accuracy_interval"]),
            ]
            lines.append(row(cells))
    return "\n".join(lines)


def mitigation() -> str:
    """mini-Xception before and after it saw faces with glasses and masks drawn on."""
    before, after = (_judged(folder) for folder in (RESULTS / "mitigation" / "before", WEIGHTS))
    lines = ["| | before | after | bar |", "|---|---|---|--:|"]
    for (name, one), other in zip(before.items(), after.values(), strict=True):
        lines.append(f"| {name} | {one} | {other} | {BARS.get(name, '')} |")
    return "\n".join(lines)


BARS = {
    "worst race group's error in the best's": "1.6",
    "women's and men's recall apart, points": "1.5",
    "flips with clear glasses %": "2",
    "flips with dark glasses %": "5",
    "flips with a surgical mask %": "8",
}


def _judged(folder: Path) -> dict[str, str]:
    """What the audit's bars are about, from a model's evaluation and its counterfactuals."""
    found = json.loads((folder / "mini_xception.fairface-val-no-leaks.yunet.json").read_text())
    flips = json.loads((folder / "mini_xception.counterfactuals.json").read_text())
    races = sorted(found["by_group"]["race"].items(), key=lambda group: group[1]["accuracy"])
    (worst, low), (best, high) = races[0], races[-1]
    ratio = (1 - low["accuracy"]) / (1 - high["accuracy"])
    told: dict[str, Any] = {condition["name"]: condition for condition in flips["conditions"]}
    return {
        "accuracy %": measured(found["accuracy"], found["accuracy_interval"]),
        "error of the worst race group %": f"{percent(1 - low['accuracy'])} ({worst})",
        "error of the best race group %": f"{percent(1 - high['accuracy'])} ({best})",
        "worst race group's error in the best's": f"{ratio:.1f}",
        "women's and men's recall apart, points": measured(
            found["recall_gap"], found["recall_gap_interval"]
        ),
    } | {
        f"flips with {words} %": measured(told[name]["flip_rate"], told[name]["flip_interval"])
        for words, name in {
            "clear glasses": "clear glasses",
            "dark glasses": "dark glasses",
            "a surgical mask": "surgical mask",
            "a head scarf": "head scarf",
            "a hat": "hat",
        }.items()
    }
