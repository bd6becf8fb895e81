"""The report of an explored data set as a page: its numbers in sentences, tables and drawings.

Knows nothing of data sets: all it says comes from ``explore.report`` and the looks at pictures.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import cv2

from genderscope.core.types import LABELS
from genderscope.evaluation.exploration import NAMES, Look
from genderscope.reporting import plots
from genderscope.reporting.page import Block, Figure, Items, Section, Sheet, Table, page

MEASURES = {
    "face_score": (
        "Face scores",
        "score of the found face",
        "The data set's own detector gave each found face a score; it is infinite where none was "
        "found.",
    ),
    "second_face_score": (
        "Scores of second faces",
        "score of the second face",
        "A second face makes it uncertain whose label the picture has; NaN says there is none.",
    ),
    "age_years": ("Ages", "age in years", "Ages are the data set's own."),
    "box_side_px": (
        "Sizes of the faces",
        "longer side of the box in pixels",
        "A face below the network's input size is enlarged, and carries less than it seems.",
    ),
}


def compose(
    numbers: Mapping[str, Any], looks: Sequence[Look], title: str, facts: Sequence[Block] = ()
) -> str:
    """The whole HTML document.

    Args:
        numbers: of ``explore.report``.
        looks: those behind it.
        facts: what else is known of the data set, for the introduction.
    """
    n, labels = numbers["pictures"], numbers["labels"]
    counts = ", ".join(f"{labels[name]:,} labelled {name}" for name in LABELS)
    introduction = [
        f"{n:,} pictures, split {numbers['split']}: {counts}, {labels['unknown']:,} without a "
        "label. Labels are those of the data set, of perceived gender presentation; ages and "
        "groups are its own too, and nothing here was predicted.",
        *facts,
    ]
    sections = [
        Section("Problems found", [_problems(numbers)]),
        Section("Classes", list(_classes(numbers))),
        *_sheets(looks),
        *_sizes(numbers["sizes"]),
        *(_measure(name, numbers[name], n) for name in MEASURES if numbers[name]),
        *_groups(numbers["groups"]),
        *_identities(numbers["identities"]),
        *_selection(numbers),
    ]
    return page(title, introduction, sections)


def _problems(numbers: Mapping[str, Any]) -> Block:
    folder = numbers["dataset"].partition(":")[2].rstrip("/") + "/"
    sentences = []
    for problem in numbers["problems"]:
        examples = ", ".join(problem["examples"]).replace(folder, "")
        sentences.append(problem["text"] + (f" Such as {examples}." if examples else ""))
    return Items(sentences) if sentences else "None of those that are looked for."


def _classes(numbers: Mapping[str, Any]) -> Iterator[Block]:
    labels, n = numbers["labels"], numbers["pictures"]
    shown = [name for name in NAMES if labels[name]]
    described = ", ".join(f"{name} {labels[name]:,}" for name in shown)
    series = {name: [labels[name] if row == name else 0 for row in shown] for name in shown}
    yield Figure(plots.bars(shown, series, "pictures"), f"Pictures by label: {described}")
    rows = [(name, f"{labels[name]:,}", f"{labels[name] / n:.1%}") for name in NAMES]
    yield Table(("label", "pictures", "share"), rows)
    if unequal := numbers["imbalance"]:
        yield (
            f"There are {unequal['ratio']:.2f} pictures of the larger class "
            f"({unequal['majority']}) for each of the smaller. What classifiers that look at "
            "nothing would score is the floor for every model:"
        )
        yield Table(
            ("classifier", "accuracy", *(f"F1, {label}" for label in LABELS), "macro F1"),
            [
                (
                    name.replace("_", " "),
                    f"{rates['accuracy']:.1%}",
                    *(f"{rates['f1'][label]:.3f}" for label in LABELS),
                    f"{rates['macro_f1']:.3f}",
                )
                for name, rates in unequal["trivial"].items()
            ],
            f"Over the {unequal['n']:,} labelled pictures",
        )


def _sheets(looks: Sequence[Look]) -> Iterator[Section]:
    sheets = []
    for label, name in zip((*range(len(LABELS)), None), NAMES, strict=True):
        crops = [
            (cv2.imencode(".jpg", look.crop)[1].tobytes(), look.sample.file.name)
            for look in looks
            if look.crop is not None and look.sample.label == label
        ]
        if crops:
            sheets.append(Sheet(crops, f"{name}: {len(crops)} pictures drawn at random"))
    if sheets:
        how = "Faces with 40% margin where the data set gives a box, else whole pictures."
        yield Section("A look at the pictures", [how, *sheets])


def _sizes(sizes: Mapping[str, Any] | None) -> Iterator[Section]:
    if not sizes or "width_px" not in sizes:
        return
    common, n = sizes["most_common_px"], sizes["opened"] - sizes["unreadable"]
    blocks: list[Block] = [
        f"Of {n:,} pictures drawn at random and read, {common['n']:,} have the most frequent size, "
        f"{common['width']} x {common['height']} pixels."
    ]
    if common["n"] < n:
        columns = ("smallest", "median", "largest")
        rows = [
            (side, *(f"{sizes[f'{side}_px'][column]:,g}" for column in columns))
            for side in ("width", "height")
        ]
        blocks.append(Table(("pixels", *columns), rows))
        drawn = sizes["longer_side_px"]
        across = "longer side in pixels"
        drawing = plots.histogram(drawn["edges"], {"pictures": drawn["counts"]}, across)
        blocks.append(Figure(drawing, f"Histogram of the {across}"))
    yield Section("Sizes of the pictures", blocks)


def _measure(name: str, histogram: Mapping[str, Any], pictures: int) -> Section:
    title, across, meaning = MEASURES[name]
    blocks: list[Block] = [meaning]
    shares = (("a number", "n"), ("infinite", "infinite"), ("none (NaN)", "missing"))
    rows = [
        (what, f"{histogram[key]:,}", f"{histogram[key] / pictures:.1%}") for what, key in shares
    ]
    blocks.append(Table((f"{title.lower()}", "pictures", "share"), rows))
    series = {label: counts for label, counts in histogram["counts"].items() if any(counts)}
    if series:
        described = f"Histograms of the {across}, for {', '.join(series)}"
        drawing = plots.histogram(histogram["edges"], series, across)
        blocks.append(Figure(drawing, described))
    return Section(title, blocks)


def _groups(columns: Mapping[str, Any]) -> Iterator[Section]:
    blocks: list[Block] = ["The data set's own labels."]
    for column, groups in columns.items():
        if groups is None:
            blocks.append(f"{column} has too many values to be shown.")
            continue
        used = [name for name in NAMES if any(counts[name] for counts in groups.values())]
        series = {name: [counts[name] for counts in groups.values()] for name in used}
        rows = []
        for value, counts in groups.items():
            labelled = sum(counts[label] for label in LABELS)
            share = f"{counts[LABELS[0]] / labelled:.1%}" if labelled else "-"
            rows.append((value, *(f"{counts[name]:,}" for name in used), share))
        blocks += [
            Figure(
                plots.bars(list(groups), series, "pictures"),
                f"Pictures by {column} and label; the same numbers stand in the table below",
            ),
            Table((column, *used, "women of the labelled"), rows),
        ]
    if columns:
        yield Section("Groups by label", blocks)


def _identities(persons: Mapping[str, Any] | None) -> Iterator[Section]:
    if not persons:
        return
    bins = persons["by_pictures"]
    names = [
        f"{step['from']:,}" if step["from"] == step["to"] else f"{step['from']:,}-{step['to']:,}"
        for step in bins
    ]
    counts = [step["identities"] for step in bins]
    described = ", ".join(f"{name} pictures: {n:,}" for name, n in zip(names, counts, strict=True))
    yield Section(
        "Persons",
        [
            f"{persons['n']:,} persons have {persons['pictures']:,} pictures, "
            f"{persons['mean_pictures']:.1f} each in the mean. A split must keep them apart.",
            Figure(
                plots.bars(names, {"persons": counts}, "persons"),
                f"Persons by the number of their pictures: {described}",
                "Persons by the number of their pictures",
            ),
            Table(
                ("most frequent", "pictures", "share"),
                [
                    (
                        person["identity"],
                        f"{person['pictures']:,}",
                        f"{person['pictures'] / persons['pictures']:.2%}",
                    )
                    for person in persons["most_frequent"]
                ],
            ),
        ],
    )


def _selection(numbers: Mapping[str, Any]) -> Iterator[Section]:
    if not (selection := numbers["reference_selection"]):
        return
    left, rows = numbers["pictures"], []
    for condition, removed in selection["removed"].items():
        left -= removed
        rows.append((condition, f"{removed:,}", f"{left:,}"))
    yield Section(
        "What the reference selection would leave",
        [
            "oarriaga/face_classification was trained on pictures that meet these conditions, "
            f"asked one after the other. {selection['kept']:,} of {numbers['pictures']:,} do.",
            Table(("condition", "removed", "left"), rows),
        ],
    )
