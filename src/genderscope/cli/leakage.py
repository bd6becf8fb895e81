from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Exit, Option, echo

from genderscope.cli import _output, _provenance
from genderscope.cli._options import Jobs, Output, expanded
from genderscope.core.errors import UsageError
from genderscope.core.terminal import printable

if TYPE_CHECKING:
    from genderscope.data.leakage import Leakage

PANEL = "Data"
LISTED = 20


@expanded
def leakage(
    sources: Annotated[list[str], Argument(metavar="A B...")],
    split_a: str | None = None,
    split_b: str | None = None,
    threshold: Annotated[float, Option(min=-1, max=1)] = 0.8,
    out: Annotated[
        Path | None,
        Option(metavar="DIR"),
        Output("leakage.json", more=("leakage.csv", "leakage.png")),
    ] = None,
    jobs: Jobs = None,
) -> None:
    """Find duplicates and shared identities across data sets.

    Compares each pair of data sets: exact copies (bytes or decoded pixels), near duplicates
    (re-encoded, scaled, mirrored, lit differently) and identities of the same name. Unreadable
    pictures are listed. Needs the extra [eval]. Exit codes: 0 nothing shared, 1 something shared,
    2 usage error.

    Args:
        sources: two or more data sets, such as fairface:DIR?split=train.
        split_a: split of the first data set.  [default: its first]
        split_b: split of the other data sets.  [default: the last of each]
        threshold: minimum correlation of a near duplicate.
        out: output folder for leakage.json, leakage.csv and leakage.png.
    """
    from genderscope.data import datasets
    from genderscope.data.leakage import Part, find, save

    if len(sources) < 2:
        raise UsageError("give at least two data sets, or two splits of one")
    first, *others = sources
    splits = [(first, datasets.split_of(first, split_a, "first"))]
    splits += [(source, datasets.split_of(source, split_b, "last")) for source in others]
    parts = [Part(source, name, list(datasets.read(source, name))) for source, name in splits]
    made_by = _provenance.of("imagehash", "numpy", "opencv-python-headless")
    result = find(parts, made_by, _output.tracked, threshold, jobs)
    if out:
        save(result, out)
    _print(result)
    if any(comparison.leaks for comparison in result.comparisons):
        raise Exit(1)


def _print(result: "Leakage") -> None:
    parts = {part for comparison in result.comparisons for part in (comparison.a, comparison.b)}
    for reason in sorted({picture.reason for part in parts for picture in part.unreadable}):
        _output.error(f"unreadable: {reason}")
    for comparison in result.comparisons:
        for pair in comparison.pairs[:LISTED]:
            kind = f"{pair.kind}{', mirrored' * pair.mirrored}"
            line = f"{pair.a} and {pair.b}: {kind}, correlation {pair.correlation:.3f}"
            echo(printable(line))
        if (unlisted := len(comparison.pairs) - LISTED) > 0:
            echo(f"... and {unlisted:,} more pairs; --out DIR lists all")
        for shared in comparison.shared_identities[:LISTED]:
            echo(printable(f"{shared.identity} is in both"))
        counts = ", ".join(f"{kind}: {count:,}" for kind, count in comparison.counts.items())
        a, b = comparison.a, comparison.b
        echo(printable(f"{a.source} ({a.split}) and {b.source} ({b.split}): {counts}"))
