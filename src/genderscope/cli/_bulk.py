"""The engines of ``classify``, local and on a cluster, with progress."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, nullcontext
from pathlib import Path

from genderscope.cli import _output, _provenance, _signals
from genderscope.core import plugins
from genderscope.core.errors import UsageError
from genderscope.core.storage import Store, completed, escaped, is_stream, is_url, part_of
from genderscope.core.types import Scene
from genderscope.inference import bulk
from genderscope.inference.bulk import Settings, archives
from genderscope.inference.bulk.resuming import Done, Run, agree
from genderscope.inference.pipeline import Pipeline
from genderscope.sinks import jsonl, parquet

PACKAGES = ("numpy", "onnxruntime", "opencv-python-headless", "pillow")


def on_this_machine(
    places: list[str],
    avoid: Path | None,
    settings: Settings,
    scope: Pipeline,
    targets: dict[str, str],
    earlier: Counter[str] | None,
    threads: int | None,
    unread: Counter[str],
    tally: Counter[str],
) -> Iterator[Scene]:
    """Classify pictures, write each scene to the sinks of ``targets``, count it in ``tally``, then
    yield it. Pictures in ``avoid``, where this run writes, are not read; for ``unread`` see
    ``decode.find``. With ``earlier``, resume the single output, jsonl or parquet, and add the
    counts of earlier runs to it.
    """
    resume = earlier is not None
    done = Done([]) if earlier is None else _done(targets, settings, scope, earlier)
    if len(done):
        _output.error(f"{len(done):,} pictures were already done")
    # Parquet cannot store every path unchanged, so the stored form is compared.
    stored = escaped if "parquet" in targets else str
    pictures = (
        picture
        for shard in archives.shards(places, avoid, unread=unread)
        for picture in archives.pictures(shard, unread=unread)
        if not done.take(stored(picture.path))
    )
    with ExitStack() as stack:
        sinks = []
        for name, target in targets.items():
            if name in ("jsonl", "csv") and target != "-":
                target = str(stack.enter_context(completed(Path(target), resume)))
            options = {"append": True} if resume else {}
            sink = plugins.load("sinks", name).create(target, **options)
            sinks.append(stack.enter_context(sink))
        if not resume:
            for name in targets.keys() & {"jsonl", "parquet"}:
                if not is_stream(targets[name]):
                    store, file = _settings_of(name, targets[name])
                    store.write(file, _run(settings, scope).encode())
        scenes = stack.enter_context(closing(bulk.classify(pictures, settings, threads, scope)))
        total = _total(places, avoid, len(done))
        # What is written is counted, even on an interrupt; but a write to a pipe may block.
        blocking = any(map(is_stream, targets.values()))
        for scene in _output.tracked(scenes, "pictures", total, transient=True):
            with nullcontext() if blocking else _signals.held():
                for sink in sinks:
                    sink.write(scene)
                bulk.count(tally, scene)
            yield scene


def on_a_cluster(
    places: list[str],
    out: str,
    settings: Settings,
    workers: int | None,
    earlier: Counter[str] | None,
    unread: Counter[str],
) -> Iterator[Counter[str]]:
    """Classify on a Ray cluster into a Parquet folder; yield the counts of each part. ``earlier``
    and ``unread`` are as in ``on_this_machine``.
    """
    from genderscope.inference import cluster

    if earlier is None and parquet.parts(Store(out)):
        raise UsageError(f"{out} already holds results: --resume continues them")
    if earlier is not None:
        for _, labels in parquet.finished(out):
            bulk.count_labels(earlier, labels)
    made_by = _provenance.of(*PACKAGES)
    parts = cluster.classify(
        places, out, settings, workers, provenance=made_by, unread=unread, report=_output.error
    )
    start = next(parts)
    if start["parts"]:
        _output.error(f"{start['parts']:,} of {start['shards']:,} parts were already done")
    remaining = start["shards"] - start["parts"]
    yield from _output.tracked(parts, "parts", remaining, transient=True)


def _done(
    targets: dict[str, str], settings: Settings, scope: Pipeline, earlier: Counter[str]
) -> Done:
    """An output's finished pictures, counted in ``earlier``; ``UsageError`` for other settings."""
    [(name, target)] = targets.items()
    agree(*_settings_of(name, target), _run(settings, scope))
    if name == "parquet":
        finished = parquet.finished(target)
    else:
        part = part_of(Path(target))
        finished = jsonl.finished(str(part if part.exists() else target))

    def paths() -> Iterator[str]:
        for path, labels in finished:
            bulk.count_labels(earlier, labels)
            yield path

    return Done(paths())


def _run(settings: Settings, scope: Pipeline) -> Run:
    return settings.record(scope, _provenance.of(*PACKAGES))


def _settings_of(name: str, target: str) -> tuple[Store, str]:
    """The store and the name of the file with an output's settings."""
    if name == "parquet":
        return Store(target), parquet.SETTINGS
    file = Path(target)
    return Store(str(file.parent)), f"{file.name}.settings.json"


def _total(places: list[str], avoid: Path | None, done: int) -> int | None:
    """Number of remaining pictures; None if counting would have to open or fetch files."""
    if any(map(is_url, places)):
        return None
    count = 0
    for shard in archives.shards(places, avoid):
        if shard.place:
            return None
        count += len(shard.items)
    return max(count - done, 0)
