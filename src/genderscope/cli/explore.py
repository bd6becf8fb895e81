from pathlib import Path
from typing import Annotated

from typer import Argument, Option, echo

from genderscope.cli import _options, _output, _provenance
from genderscope.core.extras import require
from genderscope.core.terminal import printable

PANEL = "Data"


@_options.expanded
def explore(
    source: Annotated[str, Argument(metavar="NAME:PATH")],
    out: Annotated[Path, _options.FOLDER, _options.Output("numbers.json", more=("index.html",))],
    split: str | None = None,
    metadata_only: bool = False,
    sample: Annotated[int, Option(min=1)] = 500,
    seed: _options.Seed = 0,
) -> None:
    """Summarise a data set and its problems on one page.

    Writes a self-contained page, and its numbers as JSON. Broken pictures are reported as
    problems. Needs the extra [eval].

    Args:
        source: data set, such as imdb:DIR or table:FILE.csv.
        out: output folder for index.html and numbers.json.
        split: split to explore.  [default: all, else the first]
        metadata_only: do not open pictures.
        sample: number of random pictures to open.
        seed: random seed of the sample.
    """
    require("matplotlib", "eval")  # fail before reading all rows
    require("scipy", "eval")
    import re

    from genderscope.core.storage import text, write_whole
    from genderscope.data import datasets
    from genderscope.evaluation.exploration import summarise
    from genderscope.evaluation.exploration.tally import Tally, open_pictures
    from genderscope.reporting.exploration import compose
    from genderscope.reporting.page import Link

    split = datasets.split_of(source, split, "all")
    reader = datasets.reader(source)
    samples = datasets.read(source, split)
    tally = Tally(0 if metadata_only else sample, seed)
    tally.count(_output.tracked(samples, "rows"))
    drawn = tally.drawn
    opened = list(_output.tracked(open_pictures(drawn), "pictures", len(drawn)))
    made_by = _provenance.of("numpy", "scipy", seed=seed)
    result = summarise(tally, opened, dataset=source, split=split, provenance=made_by)
    facts = [f"{reader.TITLE}; licence: {reader.LICENCE}."]
    links = [Link(address, address) for address in re.findall(r"https?://[^\s;,]+", reader.WHERE)]
    result.save(out / "numbers.json", overwrite=True)
    page, title = out / "index.html", f"Data set {source}"
    write_whole(page, text(compose(result, opened, title, [*facts, *links])).encode())
    labels = ", ".join(f"{name}: {n:,}" for name, n in result.labels.items())
    echo(f"{printable(source)}, {split}: {result.pictures:,} pictures ({labels})")
    for problem in result.problems:
        echo(printable(f"- {problem.text}"))
    echo(f"The page is {page.resolve()}")
