"""What the networks look at, and how far to believe it."""

import json

from written import RESULTS, between, percent


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
                ends = " to ".join(f"{end:.2f}" for end in stage["spearman_interval"])
                cells.append(f"{stage['spearman']:.2f} ({ends})")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def captum() -> str:
    """How far the guided graphs are from Captum."""
    found = json.loads((RESULTS / "explanations" / "sanity.json").read_text())["networks"]
    lines = [
        "| network | maps | within 1e-4 | median difference | largest | Captum's within 1e-4 |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for network in found:
        of = network["captum"]
        within, own = (
            f"{of[name]:,} ({percent(of[name] / of['maps'])}%)"
            for name in ("within", "captums_within")
        )
        ends = f"{of['median']:.0e} | {of['largest']:.0e}"
        lines.append(f"| `{network['model']}` | {of['maps']:,} | {within} | {ends} | {own} |")
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
            whose = group.get("group") or f"{group['label']}, {group['answers']}"
            cells = ["", whose, f"{group['n']:,}"]
            for part in group["regions"].values():
                small = group["n_too_small"]
                value = (
                    f"{percent(part['share'])} ({between(part['interval'])})" if not small else ""
                )
                cells.append(value or "n too small")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
