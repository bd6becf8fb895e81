"""Shards of a cache of crops, written by a Ray cluster: a task for each shard."""

import pickle
from collections.abc import Iterable, Iterator

from genderscope.data.prepare.shards import Shard, Work, write_shard
from genderscope.inference.cluster import connected


def shards(works: Iterable[Work], jobs: int | None) -> Iterator[Shard]:
    """The engine of a Ray cluster for ``prepare``; ``jobs`` tasks at once, by default one for each
    core of the cluster. See ``inference.cluster.connected``.
    """
    _, data = connected()
    rows = [{"work": pickle.dumps(work)} for work in works]
    # One block per shard, so that each shard is a task.
    blocks = data.from_items(rows, override_num_blocks=len(rows))
    for row in blocks.map(_write, concurrency=jobs).iter_rows():
        yield pickle.loads(row["shard"])


def _write(row: dict[str, bytes]) -> dict[str, bytes]:
    return {"shard": pickle.dumps(write_shard(pickle.loads(row["work"])))}
