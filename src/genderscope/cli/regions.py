"""``genderscope regions``: where on the face a model looks, over a data set."""

from pathlib import Path
from typing import Annotated, Any

import typer

from genderscope.cli import _measured
from genderscope.core.extras import require

PANEL = "Measure"


def regions(
    dataset: Annotated[
        str, typer.Option(help="A data set and its place, such as fairface:DIR or table:FILE.csv.")
    ],
    split: Annotated[
        str | None, typer.Option(help="Which part of it. [default: the data set's last]")
    ] = None,
    model: Annotated[
        str, typer.Option(help="A shipped model's name or the path of an exported .onnx file.")
    ] = "mini_xception",
    by: Annotated[
        str,
        typer.Option(
            metavar="COLUMN,COLUMN", help="The same for groups that the data set names, as race."
        ),
    ] = "",
    detector: _measured.DetectorName = None,
    detector_model: _measured.DetectorModel = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", dir_okay=False, help="Write everything measured to this file."),
    ] = None,
    maps: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="Draw average faces and maps there."),
    ] = None,
    exclude: _measured.Exclude = None,
    limit: _measured.Limit = None,
    batch_size: _measured.BatchSize = 64,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
) -> None:
    """Measure where on the face the guided gradients lie.

    Beside each share stands the region's share of the crop's area, which a map that is the same
    everywhere would have. A picture without a detected face is left out and counted; one that
    cannot be read is named, and makes the exit code 1.
    """
    require("sklearn", "eval")
    import json
    import shlex
    import sys

    from rich.console import Console
    from rich.progress import track

    from genderscope.cli import printable
    from genderscope.core.types import LABELS
    from genderscope.evaluation import region_survey
    from genderscope.evaluation.metrics import SMALLEST_N
    from genderscope.imaging import panels
    from genderscope.inference.explainer import Explainer
    from genderscope.sinks import annotate

    split, samples = _measured.samples(dataset, split, exclude, limit, labelled=True)
    explainer = Explainer.load(model)
    finder = _measured.finder(detector, detector_model, None, None, None)
    for folder in filter(None, (maps, json_file and json_file.parent)):
        folder.mkdir(parents=True, exist_ok=True)

    out = Console(markup=False, highlight=False)
    err = Console(markup=False, highlight=False, stderr=True)
    progress = track(samples, "Explaining", console=err, disable=not err.is_terminal)
    found = region_survey.survey(progress, finder, explainer, batch_size)
    about = {
        "dataset": dataset,
        "split": split,
        "model": explainer.name,
        "detector": finder.name,
    }
    command = shlex.join(["genderscope", *sys.argv[1:]])
    columns = _measured.columns(by)
    report = region_survey.report(found, about=about, by=columns, seed=seed, command=command)
    if json_file:
        json_file.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if maps:
        shown = [
            region_survey.picture(one, f"{LABELS[truth]}, said to be {LABELS[said]}")
            for (truth, said), one in sorted(found.averages.items())
            if one.n >= SMALLEST_N
        ]
        if shown:
            annotate.save(panels.sheet(shown), maps / f"{explainer.name}-average-maps.png")
    out.print(f"{explainer.name} on {dataset}, {split}, faces found by {finder.name}")
    out.print(_table(report["groups"]))
    out.print(
        f"{report['n']:,} faces; left out: {found.not_found:,} pictures without a detected face, "
        f"{found.no_gradient:,} faces without any gradient, {len(found.unreadable):,} unreadable"
    )
    for problem in found.unreadable:
        err.print(printable(problem), soft_wrap=True)
    if found.unreadable:
        raise typer.Exit(1)


def _table(groups: list[dict[str, Any]]) -> Any:
    """A row for each group, a column for each region, and the regions' areas on top."""
    from rich import box
    from rich.table import Table

    from genderscope.cli._tables import percent

    first = groups[0]["regions"]
    names = (region.replace("/", "/\n") for region in first)
    table = Table("energy, %\n± half its\n95% interval", "n", *names, box=box.SIMPLE)
    table.add_row("area, %", "", *(percent(cell["area"]) for cell in first.values()))
    section = ""
    for group in groups:
        cells = group["regions"].values()
        if section != (section := group.get("column", group["label"])):
            table.add_section()
        table.add_row(
            group.get("group") or f"{group['label']}, {group['answers']}",
            f"{group['n']:,}",
            *("n too small" if group["n_too_small"] else _with(cell) for cell in cells),
        )
    return table


def _with(cell: dict[str, Any]) -> str:
    low, high = cell["interval"]
    return f"{100 * cell['share']:.1f}\n±{50 * (high - low):.1f}"
