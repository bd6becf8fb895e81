"""Draw the figure of the review of methods and fill its tables from ``docs/review/methods.csv``.

    python scripts/review.py [--check]

Writes ``docs/review/accuracy.svg`` and what stands between the markers of ``index.md`` and
``methods.md``. Our own networks' rows name a result file instead of a number, so that they follow
it. ``--check`` writes nothing and says whether everything is current: texts are compared whole, the
figure by the digest of what it shows.
"""

import argparse
import csv
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal, get_args

import msgspec

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

# Okabe and Ito's colours, which people with a colour deficiency can tell apart.
LOOKS = {
    "vision": ("#0072B2", "o", "vision: faces, eyes, bodies, gait"),
    "biological": ("#009E73", "s", "biological: voice, EEG, ECG, retina, sensors, prints"),
    "social": ("#D55E00", "^", "social: names, texts, behaviour"),
}
OURS = ("#000000", "measured by this project")
WHITE = "#FFFFFF"

# What is written beside a point: its text, on which side, and how far up, in points.
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
        key: what the text cites it by.
        family, kind: where it belongs.
        name, year, idea, needs, strengths, limits, bias: what it is.
        data, n, protocol: what it was measured on and how.
        metric, accuracy, interval: what was reported, in percent; empty where nothing was taken.
        speed: as reported.
        source, doi_or_arxiv, url: where it is published.
        checked, how: whether the figure was read in a copy of the source, and in which.
        result: a result file of this repository that has the figure.
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
        """Where the source lies, as Markdown; empty where no address is known."""
        if self.doi_or_arxiv.startswith("arXiv:"):
            number = self.doi_or_arxiv.removeprefix("arXiv:")
            return f"[{self.doi_or_arxiv}](https://arxiv.org/abs/{number})"
        if self.doi_or_arxiv:
            return f"[doi:{self.doi_or_arxiv}](https://doi.org/{self.doi_or_arxiv})"
        return f"[link]({self.url})" if self.url else ""

    @property
    def reported(self) -> str:
        """The figure as a reader wants it: with its measure, its spread and its standing."""
        if self.accuracy is None:
            return "–"
        metric = "" if self.metric == "accuracy" else f" {self.metric}"
        spread = f" ({self.interval})" if self.interval else ""
        own = " ★" if self.result else " ☆"
        standing = {"no": " †", "second-hand": " ‡", "ours": own}.get(self.checked, "")
        return f"{self.accuracy:g}{metric}{spread}{standing}"


def measured(row: dict[str, str]) -> dict[str, str]:
    """A row with what its result file says, where it names one: an evaluation of a network of ours,
    or a comparison, whose second method it is.
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
        if benchmark := json.loads(BENCHMARK.read_text())["models"].get(evaluation.model):
            median_ms = benchmark["time"]["network"]["1"]["median_ms"]
            speed = f"{median_ms:.2f} ms a face, network alone, one thread"
    return row | {
        "metric": "accuracy",
        "accuracy": f"{100 * (accuracy.value or 0):.1f}",
        "interval": "–".join(f"{100 * end:.1f}" for end in accuracy.interval or ()),
        "n": f"{accuracy.n:,}",
        "speed": speed,
        "bias": bias,
    }


def methods(data: Path = DATA) -> list[Method]:
    """Every row of the data file, in the order of the tables."""
    with data.open(newline="", encoding="utf-8") as lines:
        rows = [measured(row) for row in csv.DictReader(lines)]
    found = [
        msgspec.convert(row | {"accuracy": row["accuracy"] or None}, Method, strict=False)
        for row in rows
    ]
    kinds = list(dict.fromkeys(method.kind for method in found))
    return sorted(
        found,
        key=lambda of: (FAMILIES.index(of.family), kinds.index(of.kind), of.year, of.key),
    )


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def comparison(found: Sequence[Method]) -> str:
    """The one table over all methods."""
    return table(
        ("family", "kind", "method", "year", "data", "n", "protocol", "%", "speed", "checked"),
        (
            (
                of.family,
                of.kind,
                f"[{of.name}](#{of.key})",
                of.year,
                of.data or "–",
                of.n or "–",
                of.protocol or "–",
                of.reported,
                of.speed or "–",
                CHECKED[of.checked],
            )
            for of in found
            if of.kind != "critique"
        ),
    )


def ours(found: Sequence[Method]) -> str:
    """What this project measured, by itself."""
    return table(
        ("network", "data", "n", "%", "protocol", "women and men", "speed"),
        (
            (of.name, of.data, of.n, of.reported, of.protocol, of.bias, of.speed or "–")
            for of in found
            if of.checked == "ours"
        ),
    )


def counts(found: Sequence[Method]) -> str:
    """How many sources there are, and how well their figures were checked."""
    published = [of for of in found if of.checked != "ours"]
    figures = [of for of in published if of.accuracy is not None]
    own = [of.result for of in found if of.checked == "ours"]

    def of_them(checked: Checked) -> int:
        return sum(of.checked == checked for of in figures)

    identified = sum(bool(of.doi_or_arxiv) for of in published)
    return (
        f"{len(published)} published sources, {identified} of them with a DOI or an arXiv number. "
        f"{len(figures)} have a figure in the table: {of_them('yes')} of these were read in a "
        f"copy of the abstract, the paper's source, a model card or a leaderboard, "
        f"{of_them('second-hand')} (‡) in somebody else's account of the paper, and "
        f"{of_them('no')} (†) come from memory and were not checked here. "
        f"{len(own)} more rows are our own measurements: {sum(map(bool, own))} (★) filled from "
        f"result files, and {own.count('')} (☆) of the paper's weights, noted by hand."
    )


def references(found: Sequence[Method]) -> str:
    """Every published source, each under the name that the text cites it by."""
    return "\n".join(
        f'- <a id="{of.key}"></a>{of.source} ({of.year}). {of.link}'.rstrip()
        for of in sorted(found, key=lambda of: (of.source.casefold(), of.year, of.key))
    )


def catalogue(found: Sequence[Method]) -> str:
    """Each method on a card of its own."""
    lines: list[str] = []
    family = kind = ""
    for of in found:
        if of.family != family:
            lines += ["", f"## {of.family.capitalize()}"]
        if (of.family, of.kind) != (family, kind):
            lines += ["", f"### {of.kind[0].upper()}{of.kind[1:]}"]
        family, kind = of.family, of.kind
        facts = {
            "Idea": of.idea,
            "Data": ", ".join(filter(None, (of.data, of.n))),
            "Reported": "" if of.accuracy is None else f"{of.reported}; {of.protocol}",
            "Speed": of.speed,
            "Needs": of.needs,
            "Strengths": of.strengths,
            "Limits": of.limits,
            "Bias": of.bias,
            "Source": f"[{of.source}](index.md#{of.key})",
            "Checked": f"{CHECKED[of.checked]}; {of.how}",
        }
        lines += ["", f"**{of.name}** ({of.year})", ""]
        lines += [f"- {name}: {said}" for name, said in facts.items() if said]
    return "\n".join(lines).strip()


PARTS: dict[str, Callable[[Sequence[Method]], str]] = {
    "comparison": comparison,
    "ours": ours,
    "counts": counts,
    "references": references,
    "catalogue": catalogue,
}


def filled(text: str, found: Sequence[Method]) -> str:
    """A page with every part that it has a place for."""
    for name, part in PARTS.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        before, marker, rest = text.partition(begin)
        if marker:
            text = f"{before}{begin}\n{part(found)}\n{end}{rest.partition(end)[2]}"
    return text


def plotted(found: Sequence[Method]) -> list[tuple[Method, float]]:
    """What the figure shows: shares of right answers of the three families."""
    return [
        (of, of.accuracy)
        for of in found
        if of.family in LOOKS and of.accuracy is not None and of.metric in PLOTTED_METRICS
    ]


def digest(found: Sequence[Method]) -> str:
    """What the figure shows, as a digest that it carries."""
    points = [(of.key, of.family, of.year, share, of.checked) for of, share in plotted(found)]
    looks = [LABELS, LOOKS, OURS]
    return hashlib.sha256(json.dumps([points, looks]).encode()).hexdigest()


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
    published = [(of, share) for of, share in points if of.checked != "ours"]
    for family, (colour, marker, meaning) in LOOKS.items():
        for checked in (True, False):
            some = [
                (of.year, share)
                for of, share in published
                if of.family == family and (of.checked != "no") == checked
            ]
            axes.scatter(
                [year for year, _ in some],
                [share for _, share in some],
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
    own = [(of.year, share) for of, share in points if of.checked == "ours"]
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
    for of, share in points:
        if of.key in LABELS:
            text, side, up = LABELS[of.key]
            axes.annotate(
                text,
                (of.year, share),
                (8 if side == "right" else -8, up),
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
    # Lines that end in blanks would change with every editor.
    path.write_text(re.sub(r"[ \t]+$", "", path.read_text(), flags=re.MULTILINE))


def stale(found: Sequence[Method]) -> list[Path]:
    """The files of the review that do not say what the data file says."""
    old = [page for page in pages() if page.read_text() != filled(page.read_text(), found)]
    if not FIGURE.exists() or digest(found) not in FIGURE.read_text():
        old.append(FIGURE)
    return old


def pages() -> list[Path]:
    """The pages of the review."""
    return sorted(REVIEW.glob("*.md"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write what is not current, or only say so."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="only say whether all is current")
    check: bool = parser.parse_args(arguments).check
    found = methods()
    if check:
        if old := stale(found):
            names = ", ".join(path.name for path in old)
            sys.exit(f"{names} are not what {DATA.name} says: run python scripts/review.py")
        return
    for page in pages():
        page.write_text(filled(page.read_text(), found))
    if FIGURE in stale(found):
        draw(found, FIGURE)


if __name__ == "__main__":
    main()
