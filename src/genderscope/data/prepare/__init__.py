"""Crops of a whole data set, cut once and kept, so that an epoch costs the network's time only.

Faces are found and cut by the code that runs later. A cache is a folder of shards, ``plan.json``,
which says what they are made from, and ``manifest.json``, which is written last and lists them with
their checksums. An interrupted run goes on where it was, and ends with the same bytes.

Knows nothing of torch or of training.
"""

import hashlib
import json
import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, replace
from itertools import chain, islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any

from genderscope.core.errors import DatasetError, GenderscopeError
from genderscope.core.extras import require
from genderscope.core.storage import write_whole
from genderscope.core.types import Sample
from genderscope.data.prepare.crops import MANIFEST
from genderscope.data.prepare.shards import Recipe, Shard, Work, checksum, write_shard

SHARD_ROWS = 1000
PLAN = "plan.json"

Engine = Callable[[Iterable[Work], int | None], Iterator[Shard]]
"""Writes shards, ``jobs`` at once (None: as many as there are cores), and yields them as they come,
in any order."""


def fingerprint(samples: Iterable[Sample]) -> tuple[int, str]:
    """How many samples there are, and a SHA-256 in hexadecimal of their files' names and sizes in
    bytes, labels, boxes and identities, in order. The files' contents are not read.
    """
    digest, count = hashlib.sha256(), 0
    for count, sample in enumerate(samples, start=1):  # noqa: B007 - the last one is wanted
        try:
            size = os.stat(sample.file).st_size
        except OSError:
            size = -1
        known = (part for part in (sample.box, sample.identity) if part is not None)
        fields = (sample.file.name, size, sample.label, *known)
        digest.update(("\t".join(map(str, fields)) + "\n").encode(errors="surrogateescape"))
    return count, digest.hexdigest()


def processes(works: Iterable[Work], jobs: int | None) -> Iterator[Shard]:
    """The local engine: processes that end at once when this one does, however it ends."""
    context = get_context("spawn")
    # Nothing is ever sent through it: it closes with this process, and the workers see that.
    alive, life = context.Pipe(duplex=False)
    works = iter(works)
    first = list(islice(works, jobs or os.cpu_count() or 1))
    pool = ProcessPoolExecutor(len(first), context, _follow, (alive,))
    pending: deque[Future[Shard]] = deque()
    try:
        for work in chain(first, works):
            pending.append(pool.submit(write_shard, work))
            if len(pending) > 2 * len(first):  # a bounded number of samples is in memory
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
        pool.shutdown()
    except BrokenProcessPool as error:
        raise GenderscopeError(
            "a process that cuts crops was ended from outside, perhaps for want of memory; "
            "the same command goes on where it was, with a smaller number of jobs if need be"
        ) from error
    finally:
        life.close()
        pool.shutdown(cancel_futures=True)
        alive.close()


def _follow(alive: Connection) -> None:
    """In a worker: end with the parent, and leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait() -> None:
        alive.poll(None)
        os._exit(1)

    Thread(target=wait, daemon=True).start()


def prepare(
    samples: Iterable[Sample],
    recipe: Recipe,
    out: Path,
    *,
    sources_named: Sequence[str] = (),
    jobs: int | None = None,
    engine: Engine = processes,
) -> Generator[tuple[int, int]]:
    """Write or complete a cache; one that is finished is checked, and what is damaged made anew.

    Args:
        samples: read twice, so a list or something else that begins anew; one shard's samples are
            held at a time for each job.
        sources_named: where the samples come from, for the record.

    Yields:
        How many samples are done, and of how many: at the start and after each shard.

    Raises:
        DatasetError: ``out`` holds a cache of something else, or cannot be written, or there are
            no samples, or not the same ones each time.
    """
    require("pyarrow", "eval")
    count, digest = fingerprint(samples)
    if not count:
        raise DatasetError("there are no pictures to cut: the data set or the selection is empty")
    plan = {
        "samples": count,
        "fingerprint": digest,
        "spec": recipe.spec.to_dict(),
        "detector": recipe.detector,
        "detector_sha256": recipe.weights,
        "alter": recipe.alter and f"{recipe.alter}, seed {recipe.alter_seed}",
        "surround": recipe.surround,
        "shard_rows": SHARD_ROWS,
    }
    yield 0, count
    try:
        _begin(out, plan)
        if _is_whole(out):
            yield count, count
            return
        shards, done = [], 0
        for shard in engine(_works(samples, recipe, out), jobs):
            shards.append(shard)
            done += shard.rows + sum(shard.failures.values())
            yield done, count
        if done != count:
            raise DatasetError(f"the data set changed: it had {count:,} samples, then {done:,}")
        _finish(out, plan | {"sources": list(sources_named)}, shards)
    except OSError as error:  # what is read is a PictureError, so this is what is written
        raise DatasetError(f"{out} cannot be written: {error}") from error


def _works(samples: Iterable[Sample], recipe: Recipe, out: Path) -> Iterator[Work]:
    out = out.absolute()  # another machine's process stands elsewhere
    stream = (
        sample if sample.file.is_absolute() else replace(sample, file=sample.file.absolute())
        for sample in samples
    )
    number = 0
    while part := tuple(islice(stream, SHARD_ROWS)):
        yield Work(number, part, recipe, out)
        number += 1


def _begin(out: Path, plan: dict[str, Any]) -> None:
    """Make the folder with its plan, or hold its plan against this one."""
    out.mkdir(parents=True, exist_ok=True)
    if not (out / PLAN).is_file():
        if next(out.glob("shard-*"), None):
            raise DatasetError(f"{out} holds shards without a {PLAN}: name another folder")
        write_whole(out / PLAN, json.dumps(plan, indent=1).encode())
        return
    try:
        was = {"alter": None} | _flat(json.loads((out / PLAN).read_text()))  # early ones had none
    except ValueError as error:
        raise DatasetError(f"{out / PLAN} is broken: name another folder") from error
    differences = [
        f"{key} was {was[key]!r} and is {value!r}"
        for key, value in _flat(plan).items()
        if was.get(key, value) != value
    ]
    if differences:
        raise DatasetError(
            f"{out} holds crops of other pictures or another recipe: {'; '.join(differences)}; "
            "name another folder"
        )


def _flat(plan: dict[str, Any]) -> dict[str, Any]:
    spec = {f"spec.{key}": value for key, value in plan["spec"].items()}
    return {key: value for key, value in plan.items() if key != "spec"} | spec


def _is_whole(out: Path) -> bool:
    """Whether a finished cache is all there; the earliest ones have no checksums."""
    if not (out / MANIFEST).is_file():
        return False
    shards = json.loads((out / MANIFEST).read_text()).get("shards", ())
    files = [(out / shard["file"], shard["sha256"]) for shard in shards]
    if all(file.is_file() and checksum(file) == sha256 for file, sha256 in files):
        return True
    (out / MANIFEST).unlink()
    return False


def _finish(out: Path, made_from: dict[str, Any], shards: list[Shard]) -> None:
    shards.sort(key=lambda shard: shard.file)
    reasons: Counter[str] = Counter()
    for shard in shards:
        reasons.update(shard.failures)
    manifest = made_from | {
        "crops": sum(shard.rows for shard in shards),
        "failures": dict(reasons.most_common()),
        "shards": [
            {key: value for key, value in asdict(shard).items() if key != "failures"}
            for shard in shards
        ],
    }
    for left in out.glob("*.part"):  # of a process that was killed
        left.unlink(missing_ok=True)
    write_whole(out / MANIFEST, json.dumps(manifest, indent=1).encode())
