"""An audit's numbers as plain sentences, which claim no more than the intervals allow.

Knows what ``audit.report`` returns, nothing of pages.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from genderscope.core.terminal import printable
from genderscope.evaluation.audit import GENDER

Group = Mapping[str, str]
PLURAL = {"woman": "women", "man": "men"}
LONGEST_NAME = 48
SHOWN_NAMES = 8
NOT_STATED = "not stated"


def percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def between(interval: Sequence[float]) -> str:
    """An interval of shares, in percent."""
    return " to ".join(f"{100 * end:.1f}" for end in interval)


def points(share: float) -> str:
    """A difference of shares in points, with its sign."""
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def cell(text: str, interval: Sequence[float]) -> str:
    """A number over its interval, which does not break."""
    return f"{text} ({between(interval)})".replace(" to ", "\u00a0to\u00a0")


def times(ratio: float | None, interval: Sequence[float | None], unit: str = " times") -> str:
    """``2.4 (1.6 to 3.3) times``; a ratio to nothing has no upper end."""
    low, high = interval
    if ratio is None or high is None:
        return f"at least {low or 0:.1f}{unit}"
    return f"{ratio:.1f} ({low or 0:.1f}\u00a0to\u00a0{high:.1f}){unit}"


def value(text: str) -> str:
    """A group's value in one line that any page can hold, shortened."""
    plain = printable(text).replace("_", " ").strip() or NOT_STATED
    return plain if len(plain) <= LONGEST_NAME else f"{plain[: LONGEST_NAME - 1]}…"


def name(group: Group) -> str:
    """``Black, woman``: for tables and drawings."""
    return ", ".join(map(value, group.values())) or "everybody"


def people(group: Group) -> str:
    """``Black women aged 20-29``: for sentences."""
    noun, before, after = PLURAL.get(group.get(GENDER, ""), "faces"), "", ""
    for column, text in group.items():
        plain = value(text)
        if column == "race" and plain[:5].lower() not in ("other", NOT_STATED[:5]):
            before = f"{plain} "
        elif column == "age" and plain != NOT_STATED:
            after += f" aged {plain}"
        elif column != GENDER:
            after += f" with {value(column)} {plain}"
    return f"{before}{noun}{after}"


def title(columns: Sequence[str]) -> str:
    """``race and age``."""
    *first, last = map(value, columns)
    return f"{', '.join(first)} and {last}" if first else last


def listed(names: Sequence[str]) -> str:
    rest = len(names) - SHOWN_NAMES
    return "; ".join(names[:SHOWN_NAMES]) + (f"; and {rest:,} more" if rest > 0 else "")


def of_100(group: Mapping[str, Any]) -> str:
    """How many of 100 are missed: ``of 100 Black women, about 23 (18 to 28)``."""
    missed = group["measures"]["missed"]
    low, high = (f"{100 * end:.0f}" for end in missed["interval"])
    count = 100 * missed["value"]
    about = "fewer than 1" if 0 < count < 0.5 else f"about {count:.0f}" if count else "none"
    return f"of 100 {people(group['group'])}, {about} ({low} to {high})"


def overall(numbers: Mapping[str, Any]) -> Iterator[str]:
    """What holds for everybody together."""
    measures = numbers["overall"]["measures"]
    error, missed = measures["error"], measures["missed"]
    if error["value"] is None:
        yield f"{numbers['n']:,} labelled pictures: n too small for any rate."
        return
    yield (
        f"Made to choose between the two labels, it is wrong for {percent(error['value'])} of the "
        f"{error['n']:,} labelled pictures ({between(error['interval'])})."
    )
    answered, uncertain = measures["answered_error"], measures["uncertain"]["value"]
    if uncertain:
        wrong = ""
        if answered["value"] is not None:
            share = percent(answered["value"])
            wrong = f" Of those that it then calls by a label, {share} get the wrong one."
        yield (
            f"Free to say uncertain, it does so for {percent(uncertain)}.{wrong} Together, "
            f"{percent(missed['value'])} are not called what they are labelled."
        )


def findings(division: Mapping[str, Any], numbers: Mapping[str, Any]) -> Iterator[str]:
    """What one way to divide the pictures shows."""
    groups = {tuple(group["group"].values()): group for group in division["groups"]}
    extremes = division["extremes"]
    if not extremes["error"]:
        yield (
            f"Fewer than two groups have the {numbers['smallest_n']} pictures or more that a rate "
            "needs, so there is nothing to compare."
        )
    else:
        yield _apart(extremes["missed"], groups, numbers)
        yield _chosen(extremes["error"])
        yield from _verdicts(division, numbers)
    few = [name(group["group"]) for group in groups.values() if group["size"] == "few"]
    if few:
        yield f"From fewer than {numbers['few_n']} pictures, so perhaps far off: {listed(few)}."
    small = [group for group in groups.values() if group["size"] == "too small"]
    if small:
        names = listed([name(group["group"]) for group in small])
        pictures = sum(group["n"] for group in small)
        yield f"n too small, so withheld: {names} ({pictures:,} pictures together)."


def _apart(missed: Mapping[str, Any], groups: Mapping[Any, Any], numbers: Mapping[str, Any]) -> str:
    """The group that is missed most, and the one that is least, as numbers of people."""
    most, least = (groups[tuple(missed[end]["group"].values())] for end in ("most", "least"))
    first, second = of_100(most), of_100(least)
    undecided = numbers["overall"]["said"]["uncertain"] or numbers["no_answer"]
    fate = "got the other label" + (" or were left undecided" if undecided else "")
    sentence = f"{first[0].upper()}{first[1:]} {fate}; {second}."
    low, high = missed["difference_interval"]
    if low <= 0:
        return f"{sentence} The data do not show a difference between the two."
    return f"{sentence} The difference lies between {100 * low:.0f} and {100 * high:.0f} of 100."


def _chosen(error: Mapping[str, Any]) -> str:
    """Where the errors are most frequent and where least, when made to choose."""
    most, least = error["most"], error["least"]
    sentence = (
        f"Made to choose, it is wrong most often about {people(most['group'])} "
        f"({percent(most['value'])}) and least often about {people(least['group'])} "
        f"({percent(least['value'])}): "
    )
    low, high = error["difference_interval"]
    if low <= 0:
        return f"{sentence}the data do not show a difference (at most {100 * high:.1f} points)."
    return (
        f"{sentence}{100 * error['difference']:.1f} ({between((low, high))}) points more, or "
        f"{times(error['ratio'], error['ratio_interval'])} as often."
    )


def _verdicts(division: Mapping[str, Any], numbers: Mapping[str, Any]) -> Iterator[str]:
    """Which groups differ from all others, and for which nothing is shown."""
    found: dict[str, list[str]] = {"more": [], "less": [], "not shown": []}
    for row in numbers["comparisons"]:
        if row["columns"] == division["columns"] and row["measure"] == "error":
            text = name(row["group"])
            if row["verdict"] != "not shown":
                text += f" ({percent(row['value'])} against {percent(row['others'])})"
            found[row["verdict"]].append(text)
    if found["more"]:
        yield f"More errors than all others together, beyond chance: {listed(found['more'])}."
    if found["less"]:
        yield f"Fewer errors than all others together, beyond chance: {listed(found['less'])}."
    if found["not shown"] and len(division["groups"]) > 2:  # of two, it has been said
        yield (
            "The data do not show a difference from all others, which is not to say that there is "
            f"none: {listed(found['not shown'])}."
        )


def headline(division: Mapping[str, Any], numbers: Mapping[str, Any]) -> str:
    """The first of the findings, with the column before it."""
    first = next(findings(division, numbers))
    return f"By {title(division['columns'])}: {first[0].lower()}{first[1:]}"
