"""Fill the tables of the README and of docs/ from the result files.

    python scripts/tables.py [--check]

A table stands between ``<!-- name:begin -->`` and ``<!-- name:end -->``.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

from genderscope.classifier import WEIGHTS, shipped
from genderscope.metrics import wilson

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"


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


def ablations() -> str:
    """A row for each variant, its seeds together."""
    runs: dict[str, list[dict[str, Any]]] = {}
    for run in json.loads((RESULTS / "ablations.json").read_text()):
        runs.setdefault(run["variant"], []).append(run)
    base = mean(run["loss"] for run in runs["baseline"])
    lines = [
        "| variant | epochs | seeds | n | accuracy %, each seed | 95% interval of the first "
        "| loss, mean | against the baseline |",
        "|---|--:|--:|--:|---|---|--:|--:|",
    ]
    for name, seeds in runs.items():
        loss = mean(run["loss"] for run in seeds)
        cells = [
            name,
            str(seeds[0]["epochs"]),
            ", ".join(str(run["seed"]) for run in seeds),
            f"{seeds[0]['n']:,}",
            ", ".join(percent(run["accuracy"]) for run in seeds),
            between(seeds[0]["interval"]),
            f"{loss:.4f}",
            "" if name == "baseline" else f"{loss - base:+.4f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def sanity() -> str:
    """How alike maps are to those of a network with ever more random weights."""
    found = json.loads((RESULTS / "explanations" / "sanity.json").read_text())["networks"]
    lines = [
        "| network | method | n | the last part random | half of them | all "
        "| other class | other face | edges |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for network in found:
        for method, of in network["methods"].items():
            cascade = of["cascade"]
            stages = [cascade[0], cascade[(len(cascade) - 1) // 2], cascade[-1]]
            compared = [of[name] for name in ("other_class", "other_face", "edges")]
            cells = [f"`{network['model']}`", method, f"{network['n']}"]
            for stage in (*stages, *compared):
                ends = "–".join(f"{end:.2f}" for end in stage["spearman_interval"])
                cells.append(f"{stage['spearman']:.2f} ({ends})")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def captum() -> str:
    """How far the guided graphs are from Captum."""
    found = json.loads((RESULTS / "explanations" / "sanity.json").read_text())["networks"]
    lines = [
        "| network | maps | within 1e-4 | median difference | largest |",
        "|---|--:|--:|--:|--:|",
    ]
    for network in found:
        of = network["captum"]
        within = f"{of['within']:,} ({percent(of['within'] / of['maps'])}%)"
        ends = f"{of['median']:.0e} | {of['largest']:.0e}"
        lines.append(f"| `{network['model']}` | {of['maps']:,} | {within} | {ends} |")
    return "\n".join(lines)


def regions() -> str:
    """Where on the face the energy of guided gradients lies."""
    lines: list[str] = []
    for file in sorted((RESULTS / "explanations").glob("regions-*.json")):
        found = json.loads(file.read_text())
        parts = found["groups"][0]["regions"]
        if not lines:
            lines += [f"| network | labelled, answers | n | {' | '.join(parts)} |"]
            lines += [f"|---|---|--:|{'--:|' * len(parts)}"]
        area = [percent(part["area"]) for part in parts.values()]
        lines.append(f"| `{found['model']}` | *area* | | *{'* | *'.join(area)}* |")
        for group in found["groups"]:
            cells = ["", f"{group['label']}, {group['answers']}", f"{group['n']:,}"]
            for part in group["regions"].values():
                small = group["n_too_small"]
                value = (
                    f"{percent(part['share'])} ({between(part['interval'])})" if not small else ""
                )
                cells.append(value or "n too small")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


TABLES: dict[str, Callable[[], str]] = {
    "results": results,
    "presets": presets,
    "imbalance": imbalance,
    "ablations": ablations,
    "sanity": sanity,
    "captum": captum,
    "regions": regions,
}


def filled(text: str) -> str:
    """A document with every table that it has a place for."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        if begin in text:
            text = re.sub(f"{begin}.*?{end}", f"{begin}\n{table()}\n{end}", text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    for document in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        now = document.read_text()
        if "--check" in sys.argv and now != filled(now):
            sys.exit(f"{document} is not what the result files say: run python scripts/tables.py")
        document.write_text(filled(now))
