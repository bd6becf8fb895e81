"""The README's table: the shipped models in short."""

import json

from written import between, percent, result, row

from genderscope.inference.classifier import WEIGHTS, shipped

EVALUATIONS = {"FairFace val, no leaks": "fairface-val-no-leaks", "UTKFace": "utkface-all"}
ADULTS = {"20-59", "18 and older"}


def summary() -> str:
    """A row for each shipped model and data set, faces found by YuNet."""
    lines = [
        "| model | data set | n | accuracy % | women's recall % | men's recall % "
        "| accuracy on adults % | ms per face |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    networks = result("benchmark", "benchmark.json")["models"]
    for model in shipped():
        milliseconds = ""
        if model in networks:
            milliseconds = f"{networks[model]['time']['network']['1']['median_ms']:.2f}"
        for name, part in EVALUATIONS.items():
            found = json.loads((WEIGHTS / f"{model}.{part}.yunet.json").read_text())
            adults = found["by_group"]["adult"]
            [adult] = (adults[age] for age in ADULTS & adults.keys())
            cells = [
                f"`{model}`",
                name,
                f"{found['n']:,}",
                f"**{percent(found['accuracy'])}** ({between(found['accuracy_interval'])})",
                *(percent(found["recall"][label]) for label in ("woman", "man")),
                percent(adult["accuracy"]),
                milliseconds,
            ]
            lines.append(row(cells))
    return "\n".join(lines)
