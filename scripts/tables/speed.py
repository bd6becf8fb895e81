"""Speed, scaling and memory."""

from common import RESULTS, between, estimate, percent, result, row

from benchmarks.results import Many, PageFrames, Scaling, SpeedBars, Throughput
from genderscope.evaluation.benchmark.results import Benchmark

# Prices assumed in docs/scaling.md: a core hour on demand and on spare capacity; 1,000 reads.
CORE_HOUR_USD, READS_USD = (0.04, 0.012), 0.0004


def throughput() -> str:
    """Throughput of sequential use and of ours, the stages, and the faces lost by shrinking."""
    found = Throughput.load(RESULTS / "throughput.json")
    lines = [
        "| way | pictures/s, median (range) | speed-up over the first | faces per picture |",
        "|---|--:|--:|--:|",
    ]
    for name, way in found.ways.items():
        cells = [
            name,
            _median_and_range(way.pictures_per_second, way.range, 1),
            f"{way.times_the_sequential:.1f}",
            f"{way.faces_a_picture:.0f}",
        ]
        lines.append(row(cells))
    stages = found.stages_of_ours_on_one_thread
    share = found.classifier_share_of_processor_time
    parts = (f"{n} {ms:.1f} ms ({percent(stages.share[n])}%)" for n, ms in stages.ms.items())
    lines += [
        "",
        f"`{found.picture}`, {found.rounds} rounds of {found.pictures_a_round} pictures. "
        f"One picture on one thread, median of {stages.repeats}: {', '.join(parts)}. On all cores "
        f"the classifier takes {percent(share.median)}% ({between(share.range)}) of the processor "
        f"time, at {share.faces_a_picture} faces per picture.",
        "",
        "| photograph | size | faces at full size | at the default of `classify` | lost "
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


def _median_and_range(median: float, ends: tuple[float, float], digits: int) -> str:
    low, high = (f"{end:.{digits}f}" for end in ends)
    return f"{median:.{digits}f} ({low}–{high})"


def scaling() -> str:
    """Pictures per second by the number of workers."""
    lines = [
        "| picture | workers | pictures/s, median (range) | speed-up over one worker |",
        "|---|---|--:|--:|",
    ]
    for curve in Scaling.load(RESULTS / "scaling.json").curves:
        for singular, plural, speeds in (
            ("thread", "threads", curve.threads),
            ("Ray process", "Ray processes", curve.ray_processes),
        ):
            for speed in speeds:
                cells = [
                    curve.picture,
                    f"{speed.workers} {singular if speed.workers == 1 else plural}",
                    _median_and_range(speed.pictures_per_second, speed.range, 1),
                    f"{speed.times_one_worker:.2f}",
                ]
                lines.append(row(cells))
    return "\n".join(lines)


def page_frames() -> str:
    """Frames per second that the page's camera shows and gets answers for."""
    found = PageFrames.load(RESULTS / "page_frames.json")
    lines = [
        "| camera | network in | answered/s | shown/s | round trip, ms | sent | kB | faces "
        "| processor ms per frame: service | browser |",
        "|---|---|--:|--:|--:|---|--:|--:|--:|--:|",
    ]
    for case in found.cases:
        cells = [
            case.camera,
            case.network,
            f"{case.answered_per_s:.1f}",
            f"{case.drawn_per_s:.1f}",
            f"{case.round_trip_ms:.0f}",
            case.sent,
            f"{case.kilobytes_sent:.0f}",
            f"{case.faces:.1f}",
            f"{case.service_processor_ms:.0f}",
            f"{case.browser_processor_ms:.0f}",
        ]
        lines.append(row(cells))
    load = found.machine.load_average_1m or 0
    note = "; **other work slowed it, so the rates are not valid**" if load > 1 else ""
    conditions = (
        f"{found.camera}, {found.seconds:.0f} s each; {found.machine.cores} cores, load average "
        f"{load:.1f} before the start{note}."
    )
    return "\n".join([*lines, "", conditions])


def many() -> str:
    """The results of very many pictures in a run that was killed and resumed twice."""
    found = Many.load(RESULTS / "many.json")
    killed = sum(run.killed for run in found.runs)
    order = "in the folder's order" if found.in_order else "**not** in the folder's order"
    return (
        f"{found.pictures:,} pictures, killed and resumed {killed} times: {found.results:,} "
        f"results of {found.different:,} different pictures, {order}; peak memory "
        f"{found.peak_memory_mb:.0f} MB."
    )


def networks() -> str:
    """Size, accuracy and time of each network."""
    found = Benchmark.load(RESULTS / "benchmark" / "benchmark.json")
    lines = [
        "| network | parameters | multiply-adds, M | file, kB | FairFace val % | UTKFace % "
        "| ms per look, batch 1 | batch 64 | time / mini-Xception's, batch 1 | batch 64 "
        "| looks per face | ms per face |",
        "|---|--:|--:|--:|---|---|--:|--:|--:|--:|--:|--:|",
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
            f"{model.looks:.2f}",
            f"{model.ms_per_face:.2f}",
        ]
        lines.append(row(cells))
    return "\n".join(lines)


def audit() -> str:
    """Time and memory of an audit of very many predictions."""
    found = result("audit_speed.json")
    return (
        f"{found['predictions']:,} predictions by {len(found['columns'])} columns and all pairs: "
        f"{found['seconds']:.0f} s, {found['megabytes']:,.0f} MB "
        f"({found['cores']} cores; `{found['command']}`)."
    )


def billion() -> str:
    """Core hours and cost of a billion pictures, from the measured rates and assumed prices."""
    lines = [
        "| pictures like | ms per picture and core | efficiency | core hours "
        "| on 1,000 cores, days | on demand, USD | spare, USD |",
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
    """The tables that ``genderscope benchmark`` or a module of benchmarks/ wrote."""
    return (RESULTS / "benchmark" / f"{name}.md").read_text().strip()


def soak() -> str:
    """Memory growth while a video is looped."""
    found = result("soak.json")
    return (
        f"`{found['model']}`, {found['detector']}, {found['seconds']:.0f} s, {found['frames']:,} "
        f"frames: memory grew by {percent(found['growth'])}%."
    )


def bars(name: str) -> str:
    """Speeds that users notice, with their targets."""
    found = SpeedBars.load(RESULTS / f"{name}.json")
    lines = ["| | median (range) | target | met |", "|---|--:|--:|---|"]
    for bar in found.bars:
        value = _median_and_range(bar.value, bar.range, 2)
        target = f"{'≥' if bar.at_least else '≤'} {bar.bar:g}"
        lines.append(row([bar.what, value, target, "yes" if bar.met else "no"]))
    same = [
        f"{what} {'the same' if equal else '**not** the same'}"
        for what, equal in found.same.items()
    ]
    return "\n".join([*lines, "", f"{'; '.join(same)}."])
