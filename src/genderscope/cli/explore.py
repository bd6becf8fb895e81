"""``genderscope explore``: what a data set holds, before anything is trained on it."""

from pathlib import Path
from typing import Annotated

import typer

from genderscope.core.extras import require

PANEL = "Data"


def explore(
    source: Annotated[
        str, typer.Argument(metavar="NAME:PATH", help="Such as imdb:DIR or table:FILE.csv.")
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", file_okay=False, help="index.html and numbers.json go here."),
    ],
    split: Annotated[
        str | None, typer.Option(help="Which part of it.  [default: all, else the first]")
    ] = None,
    metadata_only: Annotated[
        bool, typer.Option("--metadata-only", help="Open no picture.")
    ] = False,
    sample: Annotated[
        int, typer.Option(min=1, help="Pictures to open, drawn at random, for sizes and sheets.")
    ] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw.")] = 0,
) -> None:
    """Summarise a data set and its problems on one page.

    Writes one page that needs nothing else, and its numbers as JSON. Broken pictures are part of
    what it finds and no failure. Needs the extra [eval].
    """
    require("matplotlib", "eval")  # now, rather than after all rows
    require("scipy", "eval")
    import json
    import re

    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn

    from genderscope.cli import printable
    from genderscope.core import plugins
    from genderscope.data import datasets
    from genderscope.evaluation import exploration
    from genderscope.evaluation.exploration.tally import Tally
    from genderscope.reporting import exploration as explore_page
    from genderscope.reporting.page import Link

    split = datasets.split_of(source, split, "all")
    reader = plugins.load("data.datasets", source.partition(":")[0])
    samples = datasets.read(source, split)
    out.mkdir(parents=True, exist_ok=True)
    tally = Tally(0 if metadata_only else sample, seed)
    console = Console(stderr=True)
    columns = (SpinnerColumn(), *Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        tally.count(progress.track(samples, description="rows"))
        drawn = tally.drawn
        looks = list(progress.track(exploration.look(drawn), len(drawn), description="pictures"))
    numbers = exploration.report(tally, looks, dataset=source, split=split, seed=seed)
    facts = [f"{reader.TITLE}; licence: {reader.LICENCE}."]
    links = [Link(address, address) for address in re.findall(r"https?://[^\s;,]+", reader.WHERE)]
    html = explore_page.compose(numbers, looks, f"What is in {source}", [*facts, *links])
    (out / "numbers.json").write_text(
        json.dumps(numbers, indent=2, allow_nan=False) + "\n", encoding="utf-8"
    )
    page = out / "index.html"
    page.write_text(html, encoding="utf-8")
    labels = ", ".join(f"{name}: {n:,}" for name, n in numbers["labels"].items())
    typer.echo(f"{source}, {split}: {numbers['pictures']:,} pictures ({labels})")
    for problem in numbers["problems"]:
        typer.echo(printable(f"- {problem['text']}"))
    typer.echo(f"The page lies in {page.resolve()}")
