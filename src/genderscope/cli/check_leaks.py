"""``genderscope check-leaks``: whether two data sets share pictures or persons."""

from pathlib import Path
from typing import Annotated

import typer

PANEL = "Data"

SHOWN = 20


def check_leaks(
    a: Annotated[str, typer.Argument(metavar="A", help="A data set, such as fairface:DIR.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another, or another part of it.")],
    split_a: Annotated[str | None, typer.Option(help="Part of A. [default: its first]")] = None,
    split_b: Annotated[str | None, typer.Option(help="Part of B. [default: its last]")] = None,
    threshold: Annotated[
        float,
        typer.Option(min=-1, max=1, help="Correlation of details from which two look the same."),
    ] = 0.8,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write leaks.json, leaks.csv and leaks.png there."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes that read. [default: one a core]")
    ] = None,
) -> None:
    """Find duplicates and persons that two data sets share.

    Exact copies (bytes or decoded pixels), near duplicates (re-encoded, scaled, mirrored, in other
    light) and identities of the same name. Exit code 1 if there are any, 0 if there are none; a
    picture that cannot be read is reported. Needs the extra [eval].
    """
    import shlex
    import sys
    from itertools import chain

    from rich.console import Console
    from rich.progress import Progress

    from genderscope.cli import printable
    from genderscope.data import datasets, leakage
    from genderscope.data.leakage import duplicates

    parts = datasets.split_of(a, split_a, "first"), datasets.split_of(b, split_b, "last")
    sides = [
        leakage.Side(source, part, list(datasets.read(source, part)))
        for source, part in zip((a, b), parts, strict=True)
    ]
    if out:
        out.mkdir(parents=True, exist_ok=True)
    err = Console(markup=False, highlight=False, stderr=True)
    with Progress(console=err, disable=not err.is_terminal) as progress:
        for name, side in zip("AB", sides, strict=True):
            for _ in progress.track(
                side.take(jobs), len(side.samples), description=f"Reading {name}"
            ):
                pass
        first, second = sides
        blocks = progress.track(
            duplicates.near_pairs(first.readable, second.readable, threshold),
            -(-len(first.readable) // duplicates.BLOCK),
            description="Comparing",
        )
        exact = duplicates.exact_pairs(first.readable, second.readable)
        pairs = duplicates.strongest(chain(exact, chain.from_iterable(blocks)))
    found = leakage.report(first, second, pairs, threshold)
    if out:
        command = shlex.join(["genderscope", *sys.argv[1:]])
        leakage.write({"command": command} | found, pairs, out)

    for side in sides:
        for frame in side.unreadable:
            err.print(printable(f"unreadable: {frame.error}"), soft_wrap=True)
    for pair in pairs[:SHOWN]:
        how = f"{pair.kind}{', mirrored' * pair.mirrored}, correlation {pair.correlation:.3f}"
        typer.echo(printable(f"{pair.a} and {pair.b}: {how}"))
    if len(pairs) > SHOWN:
        typer.echo(f"... and {len(pairs) - SHOWN:,} more pairs; --out DIR has them all")
    for shared in found["shared_identities"][:SHOWN]:
        typer.echo(printable(f"{shared['identity']} is in both"))
    counts = ", ".join(f"{kind}: {count:,}" for kind, count in found["counts"].items())
    typer.echo(printable(f"{a} ({first.split}) and {b} ({second.split}): {counts}"))
    if any(found["counts"].values()):
        raise typer.Exit(1)
