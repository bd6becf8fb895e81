"""``genderscope regions``: where on the face a model looks, over a data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genderscope.cli._options import (
    BatchSize,
    DataOptions,
    Dataset,
    DetectorOptions,
    JsonFile,
    Model,
    columns,
    expanded,
)
from genderscope.core.extras import require

if TYPE_CHECKING:
    from rich.table import Table

    from genderscope.evaluation.region_survey import RegionGroup, RegionShare

PANEL = "Measure"


@expanded
def regions(
    dataset: Dataset,
    data: DataOptions,
    detection: DetectorOptions,
    model: Model = "mini_xception",
    by: Annotated[
        str,
        typer.Option(
            metavar="COLUMN,COLUMN", help="Also by groups of these columns, such as race."
        ),
    ] = "",
    json_file: JsonFile = None,
    maps: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="Draw average faces and maps there."),
    ] = None,
    batch_size: BatchSize = 64,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
) -> None:
    """Measure where on the face the guided gradients lie.

    Beside each share of the energy stands the region's share of the crop's area, which an even map
    would have. A picture without a detected face is left out and counted; one that cannot be read
    is named, and makes the exit code 1.
    """
    require("sklearn", "eval")
    from rich.progress import track

    from genderscope.cli import _provenance, printable
    from genderscope.cli._progress import consoles
    from genderscope.evaluation import region_maps, region_survey
    from genderscope.evaluation.evaluate import PACKAGES
    from genderscope.inference.explainer import Explainer
    from genderscope.reporting import average_maps
    from genderscope.sinks import annotate

    read = data.read(dataset, labelled=True)
    explainer, detector = Explainer.load(model), detection.create()
    out, err = consoles()
    progress = track(read.samples, "Explaining", console=err, disable=not err.is_terminal)
    explained = region_maps.explain(progress, detector, explainer, batch_size)
    survey = region_survey.survey(
        explained,
        _provenance.of(*PACKAGES, seed=seed, samples=read),
        dataset=dataset,
        split=read.split,
        model=explainer.name,
        detector=detector.name,
        by=columns(by),
    )
    if json_file:
        survey.save(json_file, overwrite=True)
    if maps and (sheet := average_maps.sheet(explained)) is not None:
        maps.mkdir(parents=True, exist_ok=True)
        annotate.save(sheet, maps / f"{explainer.name}-average-maps.png")
    out.print(f"{survey.model} on {dataset}, {survey.split}, faces detected by {survey.detector}")
    out.print(_table(survey.groups))
    out.print(
        f"{survey.n:,} faces; left out: {survey.not_detected:,} pictures without a detected face, "
        f"{survey.no_gradient:,} faces without any gradient, {len(survey.unreadable):,} unreadable"
    )
    for reason in survey.unreadable:
        err.print(printable(reason), soft_wrap=True)
    if survey.unreadable:
        raise typer.Exit(1)


def _table(groups: "tuple[RegionGroup, ...]") -> "Table":
    """A row for each group, a column for each region, and the regions' areas on top."""
    from rich import box
    from rich.table import Table

    from genderscope.cli._tables import percent

    first = groups[0].regions
    names = (region.replace("/", "/\n") for region in first)
    table = Table("energy, %\n± half its\n95% interval", "n", *names, box=box.SIMPLE)
    table.add_row("area, %", "", *(percent(cell.area) for cell in first.values()))
    section = ""
    for group in groups:
        if section != (section := group.column or group.label):
            table.add_section()
        name = group.group or f"{group.label}, {group.answers}"
        table.add_row(name, f"{group.n:,}", *map(_cell, group.regions.values()))
    return table


def _cell(region: "RegionShare") -> str:
    if region.share.value is None or region.share.interval is None:
        return "n too small"
    low, high = region.share.interval
    return f"{100 * region.share.value:.1f}\n±{50 * (high - low):.1f}"
