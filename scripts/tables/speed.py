"""How quick it is, and how far it goes."""

from written import RESULTS, between, estimate, percent, result, row

from benchmarks.results import Many, PageFrames, Scaling, SpeedBars, Throughput
from genderscope.evaluation.benchmark.results import Benchmark

# Assumed in docs/scaling.md: a core hour on demand and on spare capacity, and 1,000 reads.
CORE_HOUR_USD, READS_USD = (0.04, 0.012), 0.0004


def throughput() -> str:
    """Decode, detect, crop and classify, the usual way and ours; the stages; what is lost."""
    found = Throughput.load(RESULTS / "throughput.json")
    lines = [
        "| way | pictures/s, median (range) | times the first | faces a picture |",
        "|---|--:|--:|--:|",
    ]
    for name, of in found.ways.items():
        low, high = of.range
        cells = [
            name,
            f"{of.pictures_per_second:.1f} ({low:.1f}–{high:.1f})",
            f"{of.times_the_sequential:.1f}",
            f"{of.faces_a_picture:.0f}",
        ]
        lines.append(row(cells))
    stages = found.stages_of_ours_on_one_thread
    share = found.classifier_share_of_processor_time
    parts = (f"{n} {ms:.1f} ms ({percent(stages.share[n])}%)" for n, ms in stages.ms.items())
    lines += [
        "",
        f"`{found.picture}`, {found.rounds} rounds of {found.pictures_a_round} pictures. "
        f"One picture on one thread, median of {stages.repeats}: {', '.join(parts)}. In the job "
        f"on all cores the classifier has {percent(share.median)}% ({between(share.range)}) "
        f"of the processor's time, at {share.faces_a_picture} faces a picture.",
        "",
        "| photograph | size | faces at full size | as `classify` searches it | lost "
        "| longer side 640 | 320 |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for photograph in found.faces_found:
        bounds = photograph.bounds
        cells = [photograph.picture, photograph.size, photograph.faces_at_full_size]
        cells += [bounds["default"].faces, len(bounds["default"].lost)]
        cells += [bounds[name].faces for name in ("640", "320")]
        lines.append(row(cells))
    return "\n".join(lines)


WORKERS = {"threads": ("thread", "threads"), "ray_processes": ("Ray process", "Ray processes")}


def scaling() -> str:
    """How the pictures a second grow with the workers."""
    lines = [
        "| picture | workers | pictures/s, median (range) | times one worker |",
        "|---|---|--:|--:|",
    ]
    for curve in Scaling.load(RESULTS / "scaling.json").curves:
        for kind in WORKERS:
            for of in getattr(curve, kind):
                low, high = of.range
                one, several = WORKERS[kind]
                workers = f"{of.workers} {one if of.workers == 1 else several}"
                cells = [
                    curve.picture,
                    workers,
                    f"{of.pictures_per_second:.1f} ({low:.1f}–{high:.1f})",
                    f"{of.times_one_worker:.2f}",
                ]
                lines.append(row(cells))
    return "\n".join(lines)


def page_frames() -> str:
    """How many frames a second the page's camera shows and has answered."""
    found = PageFrames.load(RESULTS / "page_frames.json")
    lines = [
        "| camera | network in | answered/s | shown/s | round trip, ms | sent | kB | faces "
        "| processor ms a frame: service | browser |",
        "|---|---|--:|--:|--:|---|--:|--:|--:|--:|",
    ]
    for of in found.cases:
        cells = [of.camera, of.network, f"{of.answered_per_s:.1f}", f"{of.drawn_per_s:.1f}"]
        cells += [f"{of.round_trip_ms:.0f}", of.sent, f"{of.kilobytes_sent:.0f}", f"{of.faces:.1f}"]
        cells += [f"{of.service_processor_ms:.0f}", f"{of.browser_processor_ms:.0f}"]
        lines.append(row(cells))
    machine = found.machine
    load = machine.load_average_1m or 0
    busy = f"load average {load:.1f} before it began"
    busy += ": **other work slowed it; the rates are no measure**" if load > 1 else ""
    return "\n".join(
        [*lines, "", f"{found.camera}, {found.seconds:.0f} s each; {machine.cores} cores, {busy}."]
    )


def many() -> str:
    """What became of very many pictures in a run that was killed twice."""
    found = Many.load(RESULTS / "many.json")
    killed = sum(run.killed for run in found.runs)
    order = "in the folder's order" if found.in_order else "**not** in the folder's order"
    return (
        f"{found.pictures:,} pictures, the run killed {killed} times and begun anew: "
        f"{found.results:,} results of {found.different:,} different pictures, {order}; "
        f"peak memory {found.peak_memory_mb:.0f} MB."
    )


def networks() -> str:
    """Each network in short: size, accuracy and time."""
    found = Benchmark.load(RESULTS / "benchmark" / "benchmark.json")
    lines = [
        "| network | parameters | multiply-adds, M | file, kB | FairFace val % | UTKFace % "
        "| ms a face, batch 1 | batch 64 | times mini-Xception's, batch 1 | batch 64 |",
        "|---|--:|--:|--:|---|---|--:|--:|--:|--:|",
    ]
    ratios = {p.a: p.time_ratio for p in found.pairs if p.b == "mini_xception"}
    for name, model in found.models.items():
        times = model.time["network"]
        cells = [
            f"`{name}`",
            f"{model.parameters:,}",
            f"{model.multiply_adds / 1e6:.1f}",
            f"{model.file_bytes / 1e3:,.0f}",
            *(estimate(accuracy) for accuracy in model.accuracy.values()),
            *(f"{times[batch].median_ms:.2f}" for batch in ("1", "64")),
            *(
                f"{ratios[name][batch].value:.2f}" if name in ratios else ""
                for batch in ("1", "64")
            ),
        ]
        lines.append(row(cells))
    return "\n".join(lines)


def audit() -> str:
    """How long the audit of very many predictions takes."""
    found = result("audit_speed.json")
    return (
        f"{found['predictions']:,} predictions with {len(found['columns'])} columns and their "
        f"crossings: {found['seconds']:.0f} s, {found['megabytes']:,.0f} MB "
        f"({found['cores']} cores; `{found['command']}`)."
    )


def billion() -> str:
    """Core hours and cost of a billion pictures, from the measured rates and assumed prices."""
    lines = [
        "| like | ms a picture and core | efficiency | core hours | on 1,000 cores, days "
        "| on demand, USD | spare, USD |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for curve in Scaling.load(RESULTS / "scaling.json").curves:
        most = curve.threads[-1]
        efficiency = most.times_one_worker / most.workers
        hours = 1e9 * curve.processor_ms_a_picture / 1e3 / 3600 / efficiency
        reads = 1e9 / 10_000 / 1000 * READS_USD
        cells = [
            curve.picture,
            f"{curve.processor_ms_a_picture:.1f}",
            f"{efficiency:.2f}",
            f"{hours:,.0f}",
            f"{hours / 1000 / 24:.1f}",
            *(f"{hours * price + reads:,.0f}" for price in CORE_HOUR_USD),
        ]
        lines.append(row(cells))
    return "\n".join(lines)


def benchmark(name: str) -> str:
    """The tables that ``genderscope benchmark`` or one of benchmarks/ wrote."""
    file = RESULTS / "benchmark" / f"{name}.md"
    return file.read_text().strip()


def soak() -> str:
    """Whether memory stays flat while a film is looped."""
    found = result("soak.json")
    return (
        f"`{found['model']}`, {found['detector']}, {found['seconds']:.0f} s, {found['frames']:,} "
        f"frames: memory grew by {percent(found['growth'])}%."
    )


def bars(name: str) -> str:
    """What a user waits for, and whether it reaches its bar."""
    found = SpeedBars.load(RESULTS / f"{name}.json")
    lines = ["| | median (range) | bar | met |", "|---|--:|--:|---|"]
    for of in found.bars:
        low, high = of.range
        limit = f"{'≥' if of.at_least else '≤'} {of.bar:g}"
        value = f"{of.value:.2f} ({low:.2f}–{high:.2f})"
        lines.append(row([of.what, value, limit, "yes" if of.met else "no"]))
    same = [f"{what} {'the same' if of else '**not** the same'}" for what, of in found.same.items()]
    return "\n".join([*lines, "", f"{'; '.join(same)}."])
