"""How good the shipped models are."""

import json

from written import between, percent

from genderscope.classifier import WEIGHTS, shipped


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
