from pathlib import Path
from typing import Annotated

from typer import Option, echo

from genderscope.cli import _options, _output, _provenance
from genderscope.core.extras import require

PANEL = "Measure"


@_options.expanded
def regions(
    dataset: _options.Dataset,
    data: _options.DataOptions,
    detection: _options.DetectorOptions,
    model: _options.Model = "mini_xception",
    by: Annotated[str, Option(metavar="COLUMN,COLUMN")] = "",
    json_file: _options.JsonFile = None,
    maps: Annotated[Path | None, _options.FOLDER, _options.Output(shared=True)] = None,
    batch_size: _options.BatchSize = 64,
    seed: _options.Seed = 0,
) -> None:
    """Measure gradient energy by face region over a data set.

    The baseline is each region's share of the crop's area, which a uniform map would give. Pictures
    without a detected face are counted and left out. Unreadable pictures are listed, and the exit
    code is 1. Needs the extra [eval].

    Args:
        by: columns to group by, such as race.
        maps: output folder for average faces and maps.
        seed: random seed of the bootstrap.
    """
    require("sklearn", "eval")
    from genderscope.evaluation import region_survey
    from genderscope.evaluation.evaluate import PACKAGES
    from genderscope.evaluation.metrics import SMALLEST_N
    from genderscope.inference.explainer import Explainer
    from genderscope.reporting import sheets, tables
    from genderscope.sinks import annotate

    read = data.read(dataset, labelled=True)
    columns = _options.columns(by)
    region_survey.check_columns(columns, [sample.groups for sample in read.samples])
    explainer, detector = Explainer.load(model), detection.create()
    progress = _output.tracked(read.samples, "Explaining", len(read.samples))
    explained = region_survey.explain(progress, detector, explainer, batch_size)
    survey = region_survey.survey(
        explained,
        _provenance.of(*PACKAGES, seed=seed, samples=read),
        dataset=dataset,
        split=read.split,
        model=explainer.name,
        detector=detector.name,
        by=columns,
    )
    if json_file:
        survey.save(json_file, overwrite=True)
    if maps:
        if (sheet := sheets.of_averages(explained)) is None:
            _output.note(f"no average maps: no label has {SMALLEST_N} faces with the same answer")
        else:
            maps.mkdir(parents=True, exist_ok=True)
            annotate.save_new(sheet, maps, f"{explainer.name}-average-maps", ".png")
    echo(f"{survey.model} on {dataset}, {survey.split}, faces detected by {survey.detector}")
    _output.show(tables.regions(survey.groups))
    echo(
        f"{survey.n:,} faces; left out: {survey.not_detected:,} pictures without a detected face, "
        f"{survey.no_gradient:,} faces without a gradient, {len(survey.unreadable):,} unreadable"
    )
    if survey.by_box:
        _output.note(
            f"{survey.by_box:,} faces have no landmarks and were divided like the average face; "
            "yunet gives landmarks"
        )
    _output.fail(survey.unreadable)
