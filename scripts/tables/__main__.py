"""Fill the tables of the README and of docs/ from the result files.

    python scripts/tables [--check]

Replaces the text between ``<!-- name:begin -->`` and ``<!-- name:end -->``. ``--check`` fails if a
document is out of date.
"""

import re
import sys
from collections.abc import Callable
from functools import partial

import data_sets
import explanations
import faq
import finding
import models
import mutation
import networks
import speed
import summary
import training
from common import ROOT

TABLES: dict[str, Callable[[], str]] = {
    "summary": summary.summary,
    "results": models.results,
    "mitigation": models.mitigation,
    "choice": networks.choice,
    "leakage": data_sets.leakage,
    "by_eye": data_sets.by_eye,
    "copies": data_sets.copies,
    "controls": data_sets.controls,
    "changes": data_sets.changes,
    "data_speed": data_sets.costs,
    "mutants": mutation.mutants,
    "records": training.records,
    "last_third": training.last_third,
    "shapes": training.shapes,
    "presets": training.presets,
    "colour": training.colour,
    "unseen_groups": training.unseen_groups,
    "cross_fit": training.cross_fit,
    "second_look": training.second_look,
    "imbalance": training.imbalance,
    "ablations": partial(training.ablations, "ablations.json"),
    "ablations_adam": partial(training.ablations, "ablations-adam.json"),
    "seeds": training.seeds,
    "study": training.study,
    "sanity": explanations.sanity,
    "captum": explanations.captum,
    "regions": explanations.regions,
    "groups": faq.groups,
    "conditions": faq.conditions,
    "sizes": faq.sizes,
    "robustness": faq.robustness,
    "find_angles": finding.angles,
    "find_close": finding.close,
    "find_enlarged": finding.enlarged,
    "find_mirrored": finding.mirrored,
    "throughput": speed.throughput,
    "scaling": speed.scaling,
    **{name: partial(speed.bars, name) for name in ("speed_bars", "speed_bars-vnni")},
    "page_frames": speed.page_frames,
    "many": speed.many,
    "billion": speed.billion,
    "networks": speed.networks,
    "audit_speed": speed.audit,
    "soak": speed.soak,
    **{
        name: partial(speed.benchmark, name)
        for name in ("benchmark", "benchmark-vnni", "profile", "video", "peers", "variants")
    },
}


def filled(text: str) -> str:
    """A document with the tables between its markers replaced."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        if begin in text:
            text = re.sub(f"{begin}.*?{end}", f"{begin}\n{table()}\n{end}", text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    for document in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        current = document.read_text()
        updated = filled(current)
        if "--check" in sys.argv and current != updated:
            sys.exit(f"{document} is out of date: run python scripts/tables")
        document.write_text(updated)
