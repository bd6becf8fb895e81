"""Caches of crops: the faces of whole data sets, cut once, so that training does not decode.

Faces are located and cut by the code of inference. A cache is a folder of shards with
``plan.json``, which determines them, and ``manifest.json``, which is written last and lists them
with their checksums. A resumed run gives the same bytes as an uninterrupted one.
"""

import json
import os
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path

import msgspec

from genderscope.core.errors import DatasetError, ResultError
from genderscope.core.extras import require
from genderscope.core.results import Provenance, versions
from genderscope.core.storage import checksum
from genderscope.core.types import Sample
from genderscope.data import workers
from genderscope.data.fingerprint import fingerprint
from genderscope.data.prepare.crops import MANIFEST, PLAN, CropsManifest, CropsPlan, ShardFile
from genderscope.data.prepare.shards import Recipe, Shard, Work, write_shard

SHARD_ROWS = 1000

Engine = Callable[[Iterable[Work], int | None], Iterator[Shard]]
"""Writes shards, ``jobs`` at once (None: one for each core), and yields each, in any order."""


def processes(works: Iterable[Work], jobs: int | None) -> Iterator[Shard]:
    """The local engine: worker processes that exit with this process, however it exits."""
    works = iter(works)
    first = list(islice(works, jobs or os.cpu_count() or 1))
    pending: deque[Future[Shard]] = deque()
    with workers.pool(len(first) or 1) as pool:
        for work in chain(first, works):
            pending.append(pool.submit(write_shard, work))
            if len(pending) > 2 * len(first):  # limits the samples in memory
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def prepare(
    samples: Iterable[Sample],
    recipe: Recipe,
    out: Path,
    *,
    sources: Sequence[str] = (),
    provenance: Callable[[], Provenance] = lambda: Provenance(command="", versions=versions()),
    jobs: int | None = None,
    engine: Engine = processes,
) -> Generator[tuple[int, int]]:
    """Write or complete a cache; yields the numbers of finished samples and of all, at the start
    and after each shard. A finished cache is verified, and its damaged shards are written again.

    ``samples`` are iterated twice, with those of one shard in memory for each job. ``provenance``
    is called after the first iteration, and their fingerprint is added to it. ``sources`` are the
    data sets' names, for the manifest. ``DatasetError`` if ``out`` is a different cache or cannot
    be written, there are no samples, or they changed between the two iterations.
    """
    require("pyarrow", "eval")
    groups = sha256()
    digest = fingerprint(_hashed(samples, groups.update))
    count = digest.samples
    if not count:
        raise DatasetError("there are no pictures to cut: the data set or the selection is empty")
    condition = recipe.counterfactual
    plan = CropsPlan(
        provenance=msgspec.structs.replace(provenance(), fingerprint=str(digest)),
        samples=count,
        spec=recipe.spec,
        detector=recipe.detector,
        detector_sha256=recipe.weights,
        counterfactual=condition and f"{condition}, seed {recipe.seed}",
        surround=recipe.surround,
        shard_rows=SHARD_ROWS,
        groups_sha256=groups.hexdigest(),
    )
    yield 0, count
    try:
        _save_plan(out, plan)
        if _is_complete(out):
            yield count, count
            return
        shards, done = [], 0
        for shard in engine(_works(samples, recipe, out), jobs):
            shards.append(shard)
            done += shard.rows + sum(shard.failures.values())
            yield done, count
        if done != count:
            raise DatasetError(f"the data set changed: it had {count:,} samples, then {done:,}")
        _save_manifest(out, plan, sources, shards)
    except OSError as error:  # on writing: pictures that cannot be read are PictureErrors
        raise DatasetError(f"{out} cannot be written: {error.strerror}") from error


def _hashed(samples: Iterable[Sample], update: Callable[[bytes], None]) -> Iterator[Sample]:
    """The samples; ``update`` is called with the groups of each, as in the shards."""
    for sample in samples:
        update(json.dumps(sample.groups).encode() + b"\n")
        yield sample


def _works(samples: Iterable[Sample], recipe: Recipe, out: Path) -> Iterator[Work]:
    out = out.absolute()  # the working folder differs on another machine
    stream = (
        sample if sample.file.is_absolute() else replace(sample, file=sample.file.absolute())
        for sample in samples
    )
    parts = iter(lambda: tuple(islice(stream, SHARD_ROWS)), ())
    for number, part in enumerate(parts):
        yield Work(number, part, recipe, out)


def _save_plan(out: Path, plan: CropsPlan) -> None:
    """Create the folder with its plan; ``DatasetError`` if it has a different one."""
    out.mkdir(parents=True, exist_ok=True)
    if not (out / PLAN).is_file():
        if next(out.glob("shard-*"), None):
            raise DatasetError(f"{out} holds shards without a {PLAN}: name another folder")
        plan.save(out / PLAN)
        return
    try:
        differences = CropsPlan.load(out / PLAN).differences(plan)
    except ResultError as error:
        raise DatasetError(f"{error}; name another folder") from error
    if differences:
        raise DatasetError(
            f"{out} holds crops of other pictures or another recipe: {'; '.join(differences)}; "
            "name another folder"
        )


def _is_complete(out: Path) -> bool:
    """Whether a cache is finished and undamaged; the earliest ones have no checksums."""
    if not (out / MANIFEST).is_file():
        return False
    files = [(out / each.file, each.sha256) for each in CropsManifest.load(out / MANIFEST).shards]
    if all(file.is_file() and checksum(file) == sha256 for file, sha256 in files):
        return True
    (out / MANIFEST).unlink()
    return False


def _save_manifest(out: Path, plan: CropsPlan, sources: Sequence[str], shards: list[Shard]) -> None:
    shards.sort(key=lambda shard: shard.file)
    reasons = sum((Counter(shard.failures) for shard in shards), Counter[str]())
    for part in out.glob("*.part"):  # of a process that was killed
        part.unlink(missing_ok=True)
    files = [ShardFile(file=each.file, rows=each.rows, sha256=each.sha256) for each in shards]
    manifest = CropsManifest(
        **{name: getattr(plan, name) for name in CropsPlan.__struct_fields__},
        sources=tuple(sources),
        failures=dict(reasons.most_common()),
        shards=tuple(files),
    )
    manifest.save(out / MANIFEST, overwrite=True)
