"""What the networks look at, and how far to believe it."""

import json

from written import RESULTS, measured, percent, result, row


def sanity() -> str:
    """How alike maps are to those of a network with ever more random weights."""
    found = result("explanations", "sanity.json")["networks"]
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
            lines.append(row(cells))
    return "\n".join(lines)


def captum() -> str:
    """How far the guided graphs are from Captum."""
    found = result("explanations", "sanity.json")["networks"]
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
                cells.append("n too small" if small else measured(part["share"], part["interval"]))
            lines.append(row(cells))
    return "\n".join(lines)
