"""Fill the README's tables from the result files: ``python scripts/readme.py [--check]``."""

import json
import re
import sys
from pathlib import Path

from genderscope.classifier import WEIGHTS, shipped
from genderscope.metrics import wilson

README = Path(__file__).parents[1] / "README.md"
RESULTS = Path(__file__).parents[1] / "results"


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def between(interval: list[float]) -> str:
    return "–".join(map(percent, interval))


def results() -> str:
    """A row for each result file of each shipped model."""
    lines = [
        "| model | data set | detector | n | accuracy % | women's recall % | men's recall % "
        "| gap, points | answered % | accuracy of these % |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for model in shipped():
        for file in sorted(WEIGHTS.glob(f"{model}.*.*.json")):
            found = json.loads(file.read_text())
            recall, chosen = found["recall"], found["selective"]
            cells = [
                f"`{model}`",
                f"{found['dataset'].partition(':')[0]} {found['split']}"
                + (", no leaks" if "--exclude" in found["command"] else ""),
                found["detector"],
                f"{found['n']:,}",
                f"**{percent(found['accuracy'])}** ({between(found['accuracy_interval'])})",
                percent(recall["woman"]),
                percent(recall["man"]),
                f"{percent(found['recall_gap'])} ({between(found['recall_gap_interval'])})",
                percent(chosen["coverage"]),
                f"{percent(chosen['accuracy_of_answered'])} ({between(chosen['interval'])})",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def presets() -> str:
    """A row for each run that compared the presets."""
    lines = [
        "| network | preset | epochs | seed | n | validation accuracy % |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for file in sorted((RESULTS / "training").glob("preset-*.json")):
        run = json.loads(file.read_text())
        n, accuracy = run["data"]["validation"], run["history"][-1]["accuracy"]
        cells = [
            f"`{run['settings']['model']}`",
            f"`{run['spec']['name']}`",
            str(run["settings"]["epochs"]),
            str(run["settings"]["seed"]),
            f"{n:,}",
            f"{percent(accuracy)} ({between(list(wilson(round(accuracy * n), n)))})",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def imbalance() -> str:
    """A row for each option against imbalance, on the same unbalanced crops."""
    lines = [
        "| `--balance` | epochs | seed | n | accuracy % | balanced % | women's recall % "
        "| men's recall % | ROC-AUC % |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for run in json.loads((RESULTS / "imbalance.json").read_text()):
        cells = [
            f"`{run['settings']['balance']}`",
            str(run["settings"]["epochs"]),
            str(run["settings"]["seed"]),
            f"{run['n']:,}",
            f"{percent(run['accuracy'])} ({between(run['accuracy_interval'])})",
            percent(run["balanced_accuracy"]),
            *(percent(run["recall"][label]) for label in ("woman", "man")),
            percent(run["roc_auc"]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def filled(text: str) -> str:
    for name, table in {
        "results": results(),
        "presets": presets(),
        "imbalance": imbalance(),
    }.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        text = re.sub(f"{begin}.*?{end}", f"{begin}\n{table}\n{end}", text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    now = README.read_text()
    if "--check" in sys.argv and now != filled(now):
        sys.exit("README.md is not what the result files say: run python scripts/readme.py")
    README.write_text(filled(now))
