"""Fill the tables of the README and of docs/ from the result files.

    python scripts/tables.py [--check]

A table stands between ``<!-- name:begin -->`` and ``<!-- name:end -->``.
"""

import json
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from genderscope.classifier import WEIGHTS, shipped
from genderscope.metrics import wilson

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
# Assumed in docs/scaling.md: a core hour on demand and on spare capacity, and 1,000 reads.
CORE_HOUR_USD, READS_USD = (0.04, 0.012), 0.0004


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


def records() -> str:
    """How each network was trained, and what the held-out part said at the end."""
    lines = [
        "| run | faces | epochs | learning rate | turned by up to | age weight | hours "
        "| n held out | accuracy held out % | loss |",
        "|---|--:|--:|--:|--:|--:|--:|--:|---|--:|",
    ]
    shipped_ones = sorted(WEIGHTS.glob("*.record.json"))
    for file in (*shipped_ones, *sorted((RESULTS / "training").glob("*_cnn*.json"))):
        run = json.loads(file.read_text())
        settings, n, last = run["settings"], run["data"]["validation"], run["history"][-1]
        ends = between(list(wilson(round(last["accuracy"] * n), n)))
        cells = [
            f"`{file.name.partition('.')[0]}`" + (", shipped" if file in shipped_ones else ""),
            f"{run['data']['train']:,}",
            str(settings["epochs"]),
            f"{settings['learning_rate']:g}",
            f"{settings['augmentation']['angle_deg']:g}°",
            f"{settings.get('age_weight', 0):g}",
            f"{run['seconds'] / 3600:.1f}",
            f"{n:,}",
            f"{percent(last['accuracy'])} ({ends})",
            f"{last['loss']:.3f}",
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
            cells = ["", f"{group['label']}, {group['answers']}", f"{group['n']:,}"]
            for part in group["regions"].values():
                small = group["n_too_small"]
                value = (
                    f"{percent(part['share'])} ({between(part['interval'])})" if not small else ""
                )
                cells.append(value or "n too small")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def throughput() -> str:
    """Decode, detect, crop and classify, the usual way and ours; the stages; what is lost."""
    if not (file := RESULTS / "throughput.json").is_file():
        return "Not measured yet."
    found = json.loads(file.read_text())
    lines = [
        "| way | pictures/s, median (range) | times the first | faces a picture |",
        "|---|--:|--:|--:|",
    ]
    for name, of in found["ways"].items():
        low, high = of["range"]
        cells = [
            name,
            f"{of['pictures_per_second']:.1f} ({low:.1f}–{high:.1f})",
            f"{of['times_the_sequential']:.1f}",
            f"{of['faces_a_picture']:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    stages = found["stages_of_ours_on_one_thread"]
    share = found["classifier_share_of_processor_time"]
    parts = (f"{n} {ms:.1f} ms ({percent(stages['share'][n])}%)" for n, ms in stages["ms"].items())
    lines += [
        "",
        f"`{found['picture']}`, {found['rounds']} rounds of {found['pictures_a_round']} pictures. "
        f"One picture on one thread, median of {stages['repeats']}: {', '.join(parts)}. In the job "
        f"on all cores the classifier has {percent(share['median'])}% ({between(share['range'])}) "
        f"of the processor's time, at {share['faces_a_picture']} faces a picture.",
        "",
        "| photograph | size | faces at full size | as `classify` searches it | lost "
        "| longer side 640 | 320 |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for row in found["faces_found"]:
        bounds = row["bounds"]
        cells = [row["picture"], row["size"], row["faces_at_full_size"]]
        cells += [bounds["default"]["faces"], len(bounds["default"]["lost"])]
        cells += [bounds[name]["faces"] for name in ("640", "320")]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def scaling() -> str:
    """How the pictures a second grow with the workers."""
    if not (file := RESULTS / "scaling.json").is_file():
        return "Not measured yet."
    lines = [
        "| picture | workers | pictures/s, median (range) | times one worker |",
        "|---|---|--:|--:|",
    ]
    for curve in json.loads(file.read_text())["curves"]:
        for kind in ("threads", "ray_processes"):
            for of in curve.get(kind, ()):
                low, high = of["range"]
                workers = f"{of['workers']} {kind.replace('_', ' ')}".replace("ray", "Ray")
                cells = [
                    curve["picture"],
                    workers.removesuffix("s" if of["workers"] == 1 else ""),
                    f"{of['pictures_per_second']:.1f} ({low:.1f}–{high:.1f})",
                    f"{of['times_one_worker']:.2f}",
                ]
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def many() -> str:
    """What became of very many pictures in a run that was killed twice."""
    if not (file := RESULTS / "many.json").is_file():
        return "Not measured yet."
    found = json.loads(file.read_text())
    killed = sum(run["killed"] for run in found["runs"])
    order = "in the folder's order" if found["in_order"] else "**not** in the folder's order"
    return (
        f"{found['pictures']:,} pictures, the run killed {killed} times and begun anew: "
        f"{found['results']:,} results of {found['different']:,} different pictures, {order}; "
        f"peak memory {found['peak_memory_mb']:.0f} MB."
    )


def billion() -> str:
    """Core hours and cost of a billion pictures, from the measured rates and assumed prices."""
    if not (file := RESULTS / "scaling.json").is_file():
        return "Not measured yet."
    lines = [
        "| like | ms a picture and core | efficiency | core hours | on 1,000 cores, days "
        "| on demand, USD | spare, USD |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for curve in json.loads(file.read_text())["curves"]:
        most = curve["threads"][-1]
        efficiency = most["times_one_worker"] / most["workers"]
        hours = 1e9 * curve["processor_ms_a_picture"] / 1e3 / 3600 / efficiency
        reads = 1e9 / 10_000 / 1000 * READS_USD
        cells = [
            curve["picture"],
            f"{curve['processor_ms_a_picture']:.1f}",
            f"{efficiency:.2f}",
            f"{hours:,.0f}",
            f"{hours / 1000 / 24:.1f}",
            *(f"{hours * price + reads:,.0f}" for price in CORE_HOUR_USD),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def benchmark(name: str) -> str:
    """The tables that ``genderscope benchmark`` or one of benchmarks/ wrote."""
    file = RESULTS / "benchmark" / f"{name}.md"
    return file.read_text().strip() if file.is_file() else "Not measured yet."


TABLES: dict[str, Callable[[], str]] = {
    **{
        name: partial(benchmark, name)
        for name in ("benchmark", "profile", "video", "peers", "variants")
    },
    "results": results,
    "records": records,
    "presets": presets,
    "imbalance": imbalance,
    "ablations": ablations,
    "sanity": sanity,
    "captum": captum,
    "regions": regions,
    "throughput": throughput,
    "scaling": scaling,
    "many": many,
    "billion": billion,
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
