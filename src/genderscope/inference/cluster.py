"""Pictures classified on a Ray cluster, by workers that keep their networks open.

All machines need the same versions of this package, OpenCV and Pillow, and the same paths for files
outside object storage, as on a shared file system. Results equal those of one machine.
"""

import hashlib
import json
import logging
import os
import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from msgspec import structs

from genderscope.core.extras import require
from genderscope.core.records import SceneRecord
from genderscope.core.results import Provenance, versions
from genderscope.core.storage import Store
from genderscope.inference import bulk
from genderscope.inference.bulk import Settings, archives
from genderscope.inference.bulk.resuming import agree
from genderscope.sinks import parquet

READERS = 2  # per worker: one reads while the other computes


@dataclass(frozen=True, slots=True)
class Job:
    """A shard of pictures whose results become part ``number`` of the store ``out``."""

    number: int
    shard: archives.Shard
    base: Path
    out: str


def classify(
    places: Iterable[str],
    out: str,
    settings: Settings,
    workers: int | None = None,
    size: int = archives.SHARD_PICTURES,
    provenance: Provenance | None = None,
    unread: Counter[str] | None = None,
    report: Callable[[str], object] = lambda error: None,
) -> Iterator[Counter[str]]:
    """Classify pictures on a cluster (see ``connected``) into a Parquet folder, local or in object
    storage, one part for each shard of ``archives.shards``; existing parts are kept.

    Yields first the numbers of existing ``parts`` and of all ``shards``, then the counts of each
    new part (see ``bulk.count``) in any order. Each of ``workers``, by default one per core, has
    its own networks. ``size`` is that of ``archives.shards``, whose fingerprint is added to the
    stored provenance; for ``unread`` see ``archives``. ``report`` is called with the error of each
    new picture that failed. ``UsageError`` if ``out`` holds results of other pictures or settings,
    ``MissingExtra`` without Ray or pyarrow.
    """
    ray, data = connected()
    require("pyarrow", "eval")
    unread = Counter() if unread is None else unread
    store = Store(out)
    store.clear()
    base = Path.cwd()
    digest, jobs, number = hashlib.sha256(), [], -1
    existing = set(parquet.parts(store))
    for number, shard in enumerate(archives.shards(places, size=size, unread=unread)):
        digest.update(repr(shard).encode(errors="surrogateescape"))
        if number not in existing:
            jobs.append({"job": pickle.dumps(Job(number, shard, base, store.place))})
    provenance = structs.replace(
        provenance or Provenance(command="", versions=versions()), fingerprint=digest.hexdigest()
    )
    run = settings.record(settings.scope(), provenance, shards=number + 1)
    agree(store, parquet.SETTINGS, run)
    yield Counter(shards=number + 1, parts=number + 1 - len(jobs))
    if not jobs:
        return
    blocks = data.from_items(jobs, override_num_blocks=len(jobs))
    workers = min(workers or int(ray.cluster_resources()["CPU"]), len(jobs))
    tallies = blocks.map(_Worker, fn_constructor_args=(settings,), concurrency=workers)
    for row in tallies.iter_rows():
        tally, skipped, errors = json.loads(row["answer"])
        unread.update(skipped)
        for error in errors:
            report(error)
        yield Counter(tally)


class _Worker:
    """A worker process with its own networks."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._scope = settings, settings.scope()

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:  # Ray's own type
        job: Job = pickle.loads(row["job"])
        tally: Counter[str] = Counter()
        unread: Counter[str] = Counter()
        errors: list[str] = []

        def records() -> Iterator[SceneRecord]:
            pictures = archives.pictures(job.shard, job.base, unread)
            for scene in bulk.classify(pictures, self._settings, READERS, self._scope):
                bulk.count(tally, scene)
                if scene.frame.error is not None:
                    errors.append(scene.frame.error)
                yield SceneRecord.of(scene)

        Store(job.out).write(parquet.file_name(job.number), parquet.encode(records()))
        return {"answer": json.dumps([tally, unread, errors])}


def connected() -> tuple[ModuleType, ModuleType]:
    """Ray and Ray Data, connected to a running cluster or RAY_ADDRESS, else started on this
    machine; ``MissingExtra`` without Ray.
    """
    ray = require("ray", "cluster")
    data = require("ray.data", "cluster")
    if not ray.is_initialized():
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(log_to_driver=False, logging_level="WARNING")
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # the caller shows progress
    data.DataContext.get_current().enable_progress_bars = False
    return ray, data
