"""Draw the figure of the review of methods and fill its tables from ``docs/review/methods.csv``.

    python scripts/review.py [--check]

Writes ``docs/review/accuracy.svg`` and the parts between markers in ``index.md`` and
``methods.md``. Rows of our own networks take their numbers from a result file. ``--check`` only
reports what is out of date: texts are compared in full, the figure by a digest of its data.
"""

import argparse
import csv
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal, get_args

import msgspec

from genderscope.evaluation.benchmark.results import Benchmark
from genderscope.evaluation.compare import Comparison
from genderscope.evaluation.evaluate import Evaluation

ROOT = Path(__file__).parents[1]
REVIEW = ROOT / "docs" / "review"
DATA = REVIEW / "methods.csv"
FIGURE = REVIEW / "accuracy.svg"
BENCHMARK = ROOT / "results" / "benchmark" / "benchmark.json"

Family = Literal["vision", "biological", "social", "reviews and critique"]
Checked = Literal["yes", "second-hand", "no", "ours"]

FAMILIES: tuple[Family, ...] = get_args(Family)
CHECKED = {
    "yes": "yes",
    "second-hand": "at second hand",
    "no": "no, from memory",
    "ours": "our own",
}
PLOTTED_METRICS = ("accuracy", "balanced accuracy", "F-measure", "macro F1")

# Okabe and Ito's colours, distinguishable with colour vision deficiencies.
STYLES = {
    "vision": ("#0072B2", "o", "vision: faces, eyes, bodies, gait"),
    "biological": ("#009E73", "s", "biological: voice, EEG, ECG, retina, sensors, prints"),
    "social": ("#D55E00", "^", "social: names, texts, behaviour"),
}
OURS = ("#000000", "measured by this project")
WHITE = "#FFFFFF"

# Annotations in the figure: text, side of the point, and vertical offset in points.
LABELS = {
    "golomb1990": ("SexNet, 90 faces", "right", -3),
    "gray1995": ("one linear layer", "right", -3),
    "moghaddam2002": ("SVM, studio portraits", "right", -3),
    "shakhnarovich2002": ("the same SVM, detected faces", "right", -3),
    "koppel2002": ("books and articles", "right", 6),
    "cao2008": ("bodies", "right", -3),
    "eidinger2014": ("unfiltered faces", "right", -3),
    "ahad2020": ("gait sensors, blind test", "right", -18),
    "tsimperidis2015": ("keystrokes", "right", -3),
    "jahani2017": ("phone calls", "right", -3),
    "jaiswal2023": ("texts, with non-binary authors", "left", 5),
    "eeg2025": ("EEG, across data sets", "left", -3),
    "peer_reference": ("mini-Xception, the paper's weights", "left", -3),
}


class Method(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the data file: a method, an audit or a text, with its source.

    Attributes:
        key: its citation key in the text.
        family, kind: its classification.
        name, year, idea, needs, strengths, limits, bias: its description.
        data, n, protocol: what it was measured on and how.
        metric, accuracy, interval: as reported, in percent; empty if not extracted.
        speed: as reported.
        source, doi_or_arxiv, url: its publication.
        checked, how: whether the figure was read in a copy of the source, and in which.
        result: the result file of this repository that has the figure.
    """

    key: str
    family: Family
    kind: str
    name: str
    year: int
    data: str
    n: str
    protocol: str
    metric: str
    accuracy: float | None
    interval: str
    speed: str
    idea: str
    needs: str
    strengths: str
    limits: str
    bias: str
    source: str
    doi_or_arxiv: str
    url: str
    checked: Checked
    how: str
    result: str

    @property
    def link(self) -> str:
        """A link to the source, in Markdown; empty without an address."""
        if self.doi_or_arxiv.startswith("arXiv:"):
            number = self.doi_or_arxiv.removeprefix("arXiv:")
            return f"[{self.doi_or_arxiv}](https://arxiv.org/abs/{number})"
        if self.doi_or_arxiv:
            return f"[doi:{self.doi_or_arxiv}](https://doi.org/{self.doi_or_arxiv})"
        return f"[link]({self.url})" if self.url else ""

    @property
    def reported(self) -> str:
        """The accuracy with its metric, its interval and a mark for how it was checked."""
        if self.accuracy is None:
            return "–"
        metric = "" if self.metric == "accuracy" else f" {self.metric}"
        spread = f" ({self.interval})" if self.interval else ""
        ours = " ★" if self.result else " ☆"
        mark = {"no": " †", "second-hand": " ‡", "ours": ours}.get(self.checked, "")
        return f"{self.accuracy:g}{metric}{spread}{mark}"


def measured(row: dict[str, str]) -> dict[str, str]:
    """A row completed from its result file, if it names one: an evaluation of one of our networks,
    or a comparison whose second method it is.
    """
    if not row["result"]:
        return row
    file, speed, bias = ROOT / row["result"], row["speed"], row["bias"]
    if file.parent.name == "compare":
        comparison = Comparison.load(file)
        accuracy = comparison.without_abstention.accuracies.b
        if recalls := comparison.by_group.get("labelled"):
            shares = (100 * (recalls[label].b.value or 0) for label in ("woman", "man"))
            bias = "women {:.1f}, men {:.1f}".format(*shares)
    else:
        evaluation = Evaluation.load(file)
        accuracy = evaluation.rates.accuracy
        if model := Benchmark.load(BENCHMARK).models.get(evaluation.model):
            speed = f"{model.ms_per_face:.2f} ms per face, network alone, one thread"
    return row | {
        "metric": "accuracy",
        "accuracy": f"{100 * (accuracy.value or 0):.1f}",
        "interval": "–".join(f"{100 * end:.1f}" for end in accuracy.interval or ()),
        "n": f"{accuracy.n:,}",
        "speed": speed,
        "bias": bias,
    }


def methods(data: Path = DATA) -> list[Method]:
    """All rows of the data file, in the order of the tables."""
    with data.open(newline="", encoding="utf-8") as lines:
        rows = [measured(row) for row in csv.DictReader(lines)]
    entries = [
        msgspec.convert(row | {"accuracy": row["accuracy"] or None}, Method, strict=False)
        for row in rows
    ]
    kinds = list(dict.fromkeys(method.kind for method in entries))
    return sorted(
        entries,
        key=lambda method: (
            FAMILIES.index(method.family),
            kinds.index(method.kind),
            method.year,
            method.key,
        ),
    )


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def comparison(found: Sequence[Method]) -> str:
    """The table of all methods."""
    return table(
        ("family", "kind", "method", "year", "data", "n", "protocol", "%", "speed", "checked"),
        (
            (
                method.family,
                method.kind,
                f"[{method.name}](#{method.key})",
                method.year,
                method.data or "–",
                method.n or "–",
                method.protocol or "–",
                method.reported,
                method.speed or "–",
                CHECKED[method.checked],
            )
            for method in found
            if method.kind != "critique"
        ),
    )


def ours(found: Sequence[Method]) -> str:
    """The table of this project's own measurements."""
    return table(
        ("network", "data", "n", "%", "protocol", "women and men", "speed"),
        (
            (
                method.name,
                method.data,
                method.n,
                method.reported,
                method.protocol,
                method.bias,
                method.speed or "–",
            )
            for method in found
            if method.checked == "ours"
        ),
    )


def counts(found: Sequence[Method]) -> str:
    """The number of sources, and how their figures were checked."""
    published = [method for method in found if method.checked != "ours"]
    figures = [method for method in published if method.accuracy is not None]
    own = [method.result for method in found if method.checked == "ours"]
    checks = Counter(method.checked for method in figures)
    identified = sum(bool(method.doi_or_arxiv) for method in published)
    return (
        f"{len(published)} published sources, {identified} of them with a DOI or an arXiv number. "
        f"{len(figures)} have a figure in the table: {checks['yes']} of these were read in a "
        f"copy of the abstract, the paper's source, a model card or a leaderboard, "
        f"{checks['second-hand']} (‡) in other authors' account of the paper, and "
        f"{checks['no']} (†) come from memory and were not checked here. "
        f"{len(own)} more rows are our own measurements: {sum(map(bool, own))} (★) filled from "
        f"result files, and {own.count('')} (☆) of the paper's weights, entered by hand."
    )


def references(found: Sequence[Method]) -> str:
    """Every published source, with its citation key as an anchor."""
    return "\n".join(
        f'- <a id="{method.key}"></a>{method.source} ({method.year}). {method.link}'.rstrip()
        for method in sorted(
            found, key=lambda method: (method.source.casefold(), method.year, method.key)
        )
    )


def catalogue(found: Sequence[Method]) -> str:
    """A card for each method."""
    lines: list[str] = []
    family = kind = ""
    for method in found:
        if method.family != family:
            lines += ["", f"## {method.family.capitalize()}"]
        if (method.family, method.kind) != (family, kind):
            lines += ["", f"### {method.kind[0].upper()}{method.kind[1:]}"]
        family, kind = method.family, method.kind
        facts = {
            "Idea": method.idea,
            "Data": ", ".join(filter(None, (method.data, method.n))),
            "Reported": "" if method.accuracy is None else f"{method.reported}; {method.protocol}",
            "Speed": method.speed,
            "Needs": method.needs,
            "Strengths": method.strengths,
            "Limits": method.limits,
            "Bias": method.bias,
            "Source": f"[{method.source}](index.md#{method.key})",
            "Checked": f"{CHECKED[method.checked]}; {method.how}",
        }
        lines += ["", f"**{method.name}** ({method.year})", ""]
        lines += [f"- {name}: {fact}" for name, fact in facts.items() if fact]
    return "\n".join(lines).strip()


PARTS: dict[str, Callable[[Sequence[Method]], str]] = {
    "comparison": comparison,
    "ours": ours,
    "counts": counts,
    "references": references,
    "catalogue": catalogue,
}


def filled(text: str, found: Sequence[Method]) -> str:
    """A page with the parts between its markers replaced."""
    for name, part in PARTS.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        before, marker, rest = text.partition(begin)
        if marker:
            text = f"{before}{begin}\n{part(found)}\n{end}{rest.partition(end)[2]}"
    return text


def plotted(found: Sequence[Method]) -> list[tuple[Method, float]]:
    """The methods in the figure, with their accuracy."""
    return [
        (method, method.accuracy)
        for method in found
        if method.family in STYLES
        and method.accuracy is not None
        and method.metric in PLOTTED_METRICS
    ]


def digest(found: Sequence[Method]) -> str:
    """A digest of the figure's data and style, stored in the figure."""
    points = [
        (method.key, method.family, method.year, share, method.checked)
        for method, share in plotted(found)
    ]
    return hashlib.sha256(json.dumps([points, [LABELS, STYLES, OURS]]).encode()).hexdigest()


def draw(found: Sequence[Method], path: Path) -> None:
    """Accuracy against year, by family: filled where checked, hollow where not."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    matplotlib.rcParams.update(
        {"svg.hashsalt": "review", "svg.fonttype": "none", "font.family": "sans-serif"}
    )
    figure, axes = plt.subplots(figsize=(9.6, 5.8), layout="constrained")
    points = plotted(found)
    published = [(method, share) for method, share in points if method.checked != "ours"]
    for family, (colour, marker, meaning) in STYLES.items():
        for checked in (True, False):
            group = [
                (method.year, share)
                for method, share in published
                if method.family == family and (method.checked != "no") == checked
            ]
            axes.scatter(
                [year for year, _ in group],
                [share for _, share in group],
                s=38,
                marker=marker,
                facecolors=colour if checked else WHITE,
                edgecolors=colour,
                linewidths=1.2,
                alpha=0.85,
                label=f"{meaning}{'' if checked else ', not checked'}",
                zorder=3,
            )
    colour, meaning = OURS
    own = [(method.year, share) for method, share in points if method.checked == "ours"]
    axes.scatter(
        [year for year, _ in own],
        [share for _, share in own],
        s=90,
        marker="*",
        color=colour,
        linewidths=0,
        label=meaning,
        zorder=4,
    )
    for method, share in points:
        if method.key in LABELS:
            text, side, offset = LABELS[method.key]
            axes.annotate(
                text,
                (method.year, share),
                (8 if side == "right" else -8, offset),
                textcoords="offset points",
                horizontalalignment="left" if side == "right" else "right",
                fontsize=9,
            )
    axes.axhline(50, color="#666666", linewidth=0.8, linestyle=":")
    axes.set(xlim=(1989, 2027), ylim=(44, 101), xlabel="year", ylabel="reported share right, %")
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    figure.savefig(path, format="svg", metadata={"Date": None, "Description": digest(found)})
    plt.close(figure)
    # Editors would strip trailing blanks.
    path.write_text(re.sub(r"[ \t]+$", "", path.read_text(), flags=re.MULTILINE))


def stale(found: Sequence[Method]) -> list[Path]:
    """The files of the review that are out of date."""
    old = [page for page in pages() if page.read_text() != filled(page.read_text(), found)]
    if not FIGURE.exists() or digest(found) not in FIGURE.read_text():
        old.append(FIGURE)
    return old


def pages() -> list[Path]:
    """The pages of the review."""
    return sorted(REVIEW.glob("*.md"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write what is out of date, or only report it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="only report what is out of date")
    check: bool = parser.parse_args(arguments).check
    found = methods()
    if check:
        if old := stale(found):
            names = ", ".join(path.name for path in old)
            sys.exit(f"out of date with {DATA.name}: {names}; run python scripts/review.py")
        return
    for page in pages():
        page.write_text(filled(page.read_text(), found))
    if FIGURE in stale(found):
        draw(found, FIGURE)


if __name__ == "__main__":
    main()
