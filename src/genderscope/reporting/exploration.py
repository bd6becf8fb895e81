"""The page of an explored data set: its numbers in sentences, tables and plots."""

from collections.abc import Iterator, Mapping, Sequence

import cv2

from genderscope.core.storage import text
from genderscope.core.types import LABELS
from genderscope.evaluation.exploration import NAMES, results
from genderscope.evaluation.exploration.results import ByLabel, Exploration
from genderscope.evaluation.exploration.tally import OpenedPicture
from genderscope.reporting import plots
from genderscope.reporting.formatting import NOT_STATED
from genderscope.reporting.page import Block, Figure, Items, Section, Sheet, Table, page

MEASURES = {
    "face_score": (
        "Face scores",
        "score of the face",
        "Scores are those of the data set's own detector, infinite where it found no face.",
    ),
    "second_face_score": (
        "Scores of second faces",
        "score of the second face",
        "With a second face it is uncertain which face the label belongs to. NaN: no second face.",
    ),
    "age_years": ("Ages", "age in years", "Ages are those of the data set."),
    "box_side_px": (
        "Face sizes",
        "longer side of the box in pixels",
        "A face smaller than the network's input is enlarged, which adds no detail.",
    ),
}


def compose(
    exploration: Exploration, opened: Sequence[OpenedPicture], title: str, facts: Sequence[Block]
) -> str:
    """The HTML page, with ``opened`` pictures as examples and ``facts`` in the introduction."""
    n, labels = exploration.pictures, exploration.labels
    counts = ", ".join(f"{labels[name]:,} labelled {name}" for name in LABELS)
    introduction = [
        f"{n:,} pictures, split {exploration.split}: {counts}, {labels['unknown']:,} without a "
        "label. Labels of perceived gender presentation, ages and groups are those of the data "
        "set; none is predicted.",
        *facts,
    ]
    sections = [
        Section("Problems", [_problems(exploration.dataset, exploration.problems)]),
        Section("Classes", list(_classes(exploration))),
        *_sheets(opened),
        *_sizes(exploration.sizes),
        *(_measure(name, values, n) for name, values in exploration.measures.items()),
        *_groups(exploration.groups),
        *_identities(exploration.identities),
        *_selection(exploration),
    ]
    return page(title, introduction, sections)


def _problems(dataset: str, problems: Sequence[results.Problem]) -> Block:
    folder = dataset.partition(":")[2].rstrip("/") + "/"
    sentences = []
    for problem in problems:
        examples = ", ".join(example.removeprefix(folder) for example in problem.examples)
        sentences.append(problem.text + (f" Examples: {examples}." if examples else ""))
    return Items(sentences) if sentences else "No problem was found."


def _classes(exploration: Exploration) -> Iterator[Block]:
    labels, n = exploration.labels, exploration.pictures
    names = [name for name in NAMES if labels[name]]
    description = ", ".join(f"{name} {labels[name]:,}" for name in names)
    series = {name: [labels[name] if row == name else 0 for row in names] for name in names}
    yield Figure(plots.bars(names, series, "pictures"), f"Pictures by label: {description}")
    rows = [(name, f"{labels[name]:,}", f"{labels[name] / n:.1%}") for name in NAMES]
    yield Table(("label", "pictures", "share"), rows)
    if imbalance := exploration.imbalance:
        yield (
            f"There are {imbalance.ratio:.2f} pictures of the larger class "
            f"({imbalance.majority}) for each of the smaller. Classifiers that ignore the picture "
            "are the baselines for every model:"
        )
        head = ("classifier", "accuracy", *(f"F1, {label}" for label in LABELS), "macro F1")
        baselines = []
        for name, scores in imbalance.trivial.items():
            f1 = [f"{scores.f1[label]:.3f}" for label in LABELS]
            accuracy, macro = f"{scores.accuracy:.1%}", f"{scores.macro_f1:.3f}"
            baselines.append((name.replace("_", " "), accuracy, *f1, macro))
        yield Table(head, baselines, f"On the {imbalance.n:,} labelled pictures")


def _sheets(opened: Sequence[OpenedPicture]) -> Iterator[Section]:
    sheets = []
    for label, name in zip((*range(len(LABELS)), None), NAMES, strict=True):
        crops = [
            (cv2.imencode(".jpg", picture.crop)[1].tobytes(), text(picture.sample.file.name))
            for picture in opened
            if picture.crop is not None and picture.sample.label == label
        ]
        if crops:
            sheets.append(Sheet(crops, f"{name}: {len(crops)} pictures drawn at random"))
    if sheets:
        caption = "Faces with a margin of 40% where the data set has boxes, else whole pictures."
        yield Section("Examples", [caption, *sheets])


def _sizes(sizes: results.Sizes | None) -> Iterator[Section]:
    if not sizes or not (pixels := sizes.pixels):
        return
    common, n = pixels.most_common, sizes.opened - sizes.unreadable
    blocks: list[Block] = [
        f"Of {n:,} pictures drawn at random and read, {common.n:,} have the most frequent size, "
        f"{common.width} x {common.height} pixels."
    ]
    if common.n < n:
        rows = [
            (side, *(f"{length:,g}" for length in (spread.smallest, spread.median, spread.largest)))
            for side, spread in (("width", pixels.width), ("height", pixels.height))
        ]
        blocks.append(Table(("pixels", "smallest", "median", "largest"), rows))
        bins, across = pixels.longer_side, "longer side in pixels"
        drawing = plots.histogram(bins.edges, {"pictures": bins.counts}, across)
        blocks.append(Figure(drawing, f"Histogram of the {across}"))
    yield Section("Picture sizes", blocks)


def _measure(name: str, histogram: results.Histogram, pictures: int) -> Section:
    title, across, meaning = MEASURES[name]
    numbers = {"a number": histogram.n, "infinite": histogram.infinite}
    numbers["none (NaN)"] = histogram.missing
    rows = [(value, f"{n:,}", f"{n / pictures:.1%}") for value, n in numbers.items()]
    blocks: list[Block] = [meaning, Table((title.lower(), "pictures", "share"), rows)]
    if series := {label: counts for label, counts in histogram.counts.items() if any(counts)}:
        drawing = plots.histogram(histogram.edges, series, across)
        blocks.append(Figure(drawing, f"Histograms of the {across}, for {', '.join(series)}"))
    return Section(title, blocks)


def _groups(columns: Mapping[str, dict[str, ByLabel] | None]) -> Iterator[Section]:
    blocks: list[Block] = ["Groups are labels of the data set."]
    for column, groups in columns.items():
        if groups is None:
            blocks.append(f"{column} has too many values to show.")
            continue
        used = [name for name in NAMES if any(counts[name] for counts in groups.values())]
        series = {name: [counts[name] for counts in groups.values()] for name in used}
        rows = []
        for value, counts in groups.items():
            labelled = sum(counts[label] for label in LABELS)
            share = f"{counts[LABELS[0]] / labelled:.1%}" if labelled else "-"
            rows.append((value or NOT_STATED, *(f"{counts[name]:,}" for name in used), share))
        description = f"Pictures by {column} and label, with the numbers of the table below"
        names = [row[0] for row in rows]
        blocks.append(Figure(plots.bars(names, series, "pictures"), description))
        blocks.append(Table((column, *used, "women among labelled"), rows))
    if columns:
        yield Section("Groups by label", blocks)


def _identities(persons: results.Identities | None) -> Iterator[Section]:
    if not persons:
        return
    bins = persons.by_pictures
    names = [f"{b.first:,}" if b.first == b.last else f"{b.first:,}-{b.last:,}" for b in bins]
    counts = [b.identities for b in bins]
    numbers = ", ".join(f"{name} pictures: {n:,}" for name, n in zip(names, counts, strict=True))
    caption = "Persons by their number of pictures"
    drawing = plots.bars(names, {"persons": counts}, "persons")
    text = (
        f"{persons.n:,} persons have {persons.pictures:,} pictures, {persons.mean_pictures:.1f} "
        "each on average. A split must keep all pictures of a person together."
    )
    rows = [
        (person.identity, f"{person.pictures:,}", f"{person.pictures / persons.pictures:.2%}")
        for person in persons.most_frequent
    ]
    table = Table(("most frequent", "pictures", "share"), rows)
    yield Section("Persons", [text, Figure(drawing, f"{caption}: {numbers}", caption), table])


def _selection(exploration: Exploration) -> Iterator[Section]:
    if not (selection := exploration.reference_selection):
        return
    left, rows = exploration.pictures, []
    for condition, removed in selection.removed.items():
        left -= removed
        rows.append((condition, f"{removed:,}", f"{left:,}"))
    text = (
        "oarriaga/face_classification was trained on pictures that meet these conditions, "
        f"applied in order. {selection.kept:,} of {exploration.pictures:,} pictures meet them."
    )
    table = Table(("condition", "removed", "left"), rows)
    yield Section("The reference selection", [text, table])
