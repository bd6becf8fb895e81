"""The sections of an audit that do not divide errors: calibration, and what other measurements add.

Knows the JSON that ``genderscope counterfactuals`` and ``genderscope regions`` write.
"""

from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any

from genderscope.core.errors import DatasetError
from genderscope.reporting.audit import plots
from genderscope.reporting.audit import sentences as words
from genderscope.reporting.audit.groups import MOST_DRAWN
from genderscope.reporting.audit.sentences import between, cell, name, percent, points
from genderscope.reporting.page import Block, Figure, Items, Section, Table

WRITTEN = {
    "counterfactuals": (
        "conditions",
        ("name", "n", "flip_rate", "flip_interval", "to_man", "to_woman", "confidence_change"),
    ),
    "regions": ("groups", ("label", "answers", "n", "n_too_small", "regions")),
}
"""What other commands write, by their names: where the rows are, and what each has."""


def calibration(numbers: Mapping[str, Any]) -> Iterator[Section]:
    """How sure it is beside how often it is right, where there are scores."""
    single = [part for part in numbers["divisions"] if len(part["columns"]) == 1]
    rows = [("everybody", numbers["overall"])] + [
        (f"{words.title(part['columns'])}: {name(group['group'])}", group)
        for part in single
        for group in part["groups"]
    ]
    rows = [
        (text, group)
        for text, group in rows
        if group["measures"]["overconfidence"]["n"] >= numbers["few_n"]
        and group["measures"]["overconfidence"]["value"] is not None
    ][: MOST_DRAWN * 2]
    if not rows:
        return
    found = [group["measures"]["overconfidence"] for _, group in rows]
    sure = [text for text, group in rows if _off(group)[0] > 0]
    unsure = [text for text, group in rows if _off(group)[1] < 0]
    sentences = [
        "A score is honest when, of the answers given with a confidence of 80%, 80% are right. To "
        "the right of 0 it is surer than it is right, to the left it is righter than it says."
    ]
    if sure:
        sentences.append(f"Surer than right: {words.listed(sure)}.")
    if unsure:
        sentences.append(f"Righter than sure: {words.listed(unsure)}.")
    if not sure + unsure:
        sentences.append("The data do not show that its confidence is off for any group.")
    sentences.append(
        "The calibration error (ECE) is the mean distance of confidence and accuracy over bins of "
        "the confidence, and is never 0 by chance: beside it stands what 95 of 100 perfectly "
        f"calibrated models would stay below. It is given from {numbers['calibrated_n']} pictures."
    )
    yield Section(
        "How sure it is, and how often right",
        [
            Figure(
                plots.ranges(
                    [text for text, _ in rows],
                    [measured["value"] for measured in found],
                    [measured["interval"] for measured in found],
                    "mean confidence less accuracy, points",
                    reference=0,
                ),
                "Mean confidence less accuracy by group; the table below has the numbers",
                "Dots are differences, lines their 95% intervals, not corrected for their number",
            ),
            Items(sentences),
            Table(
                ("group", "pictures", "confidence less accuracy", "ECE", "ECE by chance"),
                [_calibrated(text, group) for text, group in rows],
                "Points, with 95% intervals (Student's t)",
            ),
        ],
    )


def _off(group: Mapping[str, Any]) -> tuple[float, float]:
    low, high = group["measures"]["overconfidence"]["interval"]
    return low, high


def _calibrated(text: str, group: Mapping[str, Any]) -> tuple[str, ...]:
    of, calibration = group["measures"]["overconfidence"], group["calibration"]
    errors = (
        (f"{100 * calibration['ece']:.1f}", f"{100 * calibration['ece_by_chance']:.1f}")
        if calibration
        else ("n too small", "-")
    )
    return text, f"{of['n']:,}", cell(points(of["value"]), of["interval"]), *errors


def counterfactuals(numbers: Mapping[str, Any] | None, sheet: bytes | None) -> Iterator[Section]:
    """How often the answer flips when only one thing about a picture changes."""
    if numbers is None:
        return
    shown = [row for row in numbers["conditions"] if row["flip_rate"] is not None]
    blocks: list[Block] = [
        f"The same {numbers['n']:,} faces, changed in one thing each: how often {numbers['model']} "
        "then gives the other label. A model that looks at the face alone would not."
    ]
    if shown:
        blocks.append(
            Figure(
                plots.ranges(
                    [words.value(row["name"]) for row in shown],
                    [row["flip_rate"] for row in shown],
                    [row["flip_interval"] for row in shown],
                    "faces that get the other label",
                ),
                "Share of flipped answers by condition; the table below has the numbers",
                "Dots are shares, lines their 95% intervals",
            )
        )
        most = max(row["flip_rate"] for row in shown)
        told = [row for row in shown if row["flip_rate"] == most or "glasses" in row["name"]]
        blocks.append(Items([_flips(row) for row in told]))
    if sheet:
        blocks.append(Figure(sheet, "Faces as they are, and changed in each of the ways measured"))
    blocks.append(
        Table(
            ("condition", "faces", "flipped", "to man", "to woman", "confidence"),
            [_condition(row) for row in numbers["conditions"]],
            "Percent, with 95% intervals; confidence is the mean change of that in the first "
            "answer, in points",
        )
    )
    columns = dict.fromkeys(
        column for row in numbers["conditions"] for column in row.get("by_group", {})
    )
    blocks += [_by_group(numbers, column) for column in columns]
    blocks.append(f"Made by: {numbers.get('command', '')} (seed {numbers['seed']})")
    yield Section("The same faces, changed", blocks)


def _flips(row: Mapping[str, Any]) -> str:
    sentence = (
        f"{words.value(row['name']).capitalize()}: of 100 faces, about "
        f"{100 * row['flip_rate']:.1f} ({between(row['flip_interval'])}) get the other label"
    )
    if row["to_man"] == row["to_woman"]:
        return f"{sentence}."
    end = "man" if row["to_man"] > row["to_woman"] else "woman"
    return f"{sentence}, most of them {end}."


def _condition(row: Mapping[str, Any]) -> tuple[str, ...]:
    if row["flip_rate"] is None:
        return words.value(row["name"]), f"{row['n']:,}", "n too small", "-", "-", "-"
    change = "-"
    if row["confidence_change"] is not None:
        change = cell(points(row["confidence_change"]), row["confidence_interval"])
    return (
        words.value(row["name"]),
        f"{row['n']:,}",
        cell(f"{100 * row['flip_rate']:.1f}", row["flip_interval"]),
        percent(row["to_man"]),
        percent(row["to_woman"]),
        change,
    )


def _by_group(numbers: Mapping[str, Any], column: str) -> Table:
    groups = dict.fromkeys(
        group for row in numbers["conditions"] for group in row["by_group"].get(column, {})
    )
    rows = []
    for row in numbers["conditions"]:
        cells = []
        for group in groups:
            found = row["by_group"].get(column, {}).get(group)
            if not found or found["flip_rate"] is None:
                cells.append("n too small")
            else:
                cells.append(cell(f"{100 * found['flip_rate']:.1f}", found["flip_interval"]))
        rows.append((words.value(row["name"]), *cells))
    head = ("flipped, by " + words.value(column), *map(words.value, groups))
    return Table(head, rows, "Percent of each group's faces, with 95% intervals")


def regions(numbers: Mapping[str, Any] | None) -> Iterator[Section]:
    """Where in the face the answers come from."""
    if numbers is None:
        return
    whole, *others = numbers["groups"]
    shown = [
        group
        for group in others
        if not group["n_too_small"] and group["label"] in words.PLURAL and group["answers"] != "all"
    ]
    for column in dict.fromkeys(group["column"] for group in others if "column" in group):
        of = [g for g in others if g.get("column") == column and not g["n_too_small"]]
        of.sort(key=itemgetter("error"), reverse=True)
        shown += [of[0], of[-1]] if len(of) > 1 else of  # wrong most, and least
    blocks: list[Block] = [
        f"Where in the face the answers of {numbers['model']} come from, over {numbers['n']:,} "
        "faces: the share of each region in the energy of the guided gradients, beside its share "
        "of the picture, which a model that looks everywhere alike would have."
    ]
    if not whole["n_too_small"]:
        parts = whole["regions"]
        most = max(parts, key=lambda part: parts[part]["share"] / max(parts[part]["area"], 1e-6))
        blocks += [
            Figure(
                plots.ranges(
                    list(parts),
                    [part["share"] for part in parts.values()],
                    [part["interval"] for part in parts.values()],
                    "share of the energy",
                ),
                "Share of the energy by region; the table below has the numbers",
                "Dots are shares, lines their 95% intervals",
            ),
            f"For its size ({percent(parts[most]['area'])} of the picture) most comes from the "
            f"region {most}: {percent(parts[most]['share'])} "
            f"({between(parts[most]['interval'])}) of the energy.",
        ]
    names = [_answers(group) for group in (whole, *shown)]
    rows = []
    for region, of_all in whole["regions"].items():
        cells = [_energy(group["regions"][region]) for group in (whole, *shown)]
        area = "-" if of_all["area"] is None else f"{100 * of_all['area']:.1f}"
        rows.append((region, area, *cells))
    blocks += [
        Table(("region", "area", *names), rows, "Percent of the energy, with 95% intervals"),
        f"Made by: {numbers.get('command', '')} (seed {numbers['seed']})",
    ]
    yield Section("What it looks at", blocks)


def _answers(group: Mapping[str, Any]) -> str:
    """Whose answers a column is about, such as ``women, wrong (n = 311)``."""
    of = words.PLURAL.get(group["label"], "everybody")
    if "group" in group:
        of = words.people({group["column"]: group["group"]})
        return f"{of}, {percent(group['error'])} wrong (n = {group['n']:,})"
    answers = "" if group["answers"] == "all" else f", {group['answers']}"
    return f"{of}{answers} (n = {group['n']:,})"


def _energy(found: Mapping[str, Any]) -> str:
    if found["share"] is None:
        return "n too small"
    return cell(f"{100 * found['share']:.1f}", found["interval"])


def check(kind: str, numbers: Mapping[str, Any], file: Any) -> None:
    """Refuse a file that is no measurement of its kind.

    Raises:
        DatasetError: it lacks what the section shows.
    """
    rows, keys = WRITTEN[kind]
    missing = [key for key in ("model", "n", "seed", rows) if key not in numbers]
    for row in () if missing else numbers[rows]:
        missing += [key for key in keys if key not in row]
    if missing or not numbers[rows]:
        raise DatasetError(
            f"{file} is not what genderscope {kind} --json writes: it lacks {missing or rows}"
        )
