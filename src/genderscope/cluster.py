"""A cache of crops made by many machines: the shards as a Ray Data job, a task for each.

Every machine of the cluster runs this version of the package with OpenCV and Pillow of the same
versions, and sees the pictures and the cache under the same paths, as on a shared file system. The
shards are the same, byte for byte, as those of one machine. Knows nothing of what is in a shard.
"""

import json
import logging
import os
import pickle
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from genderscope.contracts import require
from genderscope.shards import Shard, Work, write_shard


def shards(works: Iterable[Work], jobs: int | None) -> Iterator[Shard]:
    """The engine of a Ray cluster: the one that is connected, or that RAY_ADDRESS names, or else
    one on this machine.

    Args:
        works: one for each shard.
        jobs: tasks at once; by default as many as the cluster has cores.

    Raises:
        MissingExtra: Ray is not installed.
    """
    ray = require("ray", "cluster")
    data = require("ray.data", "cluster")
    if not ray.is_initialized():
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(log_to_driver=False, logging_level="WARNING")
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # the progress is shown by the caller
    data.DataContext.get_current().enable_progress_bars = False
    rows = [{"work": pickle.dumps(work)} for work in works]
    # One block a shard, so that each is a task of its own.
    blocks = data.from_items(rows, override_num_blocks=len(rows))
    for row in blocks.map(_write, concurrency=jobs).iter_rows():
        yield Shard(**json.loads(row["shard"]))


def _write(row: dict[str, Any]) -> dict[str, Any]:
    return {"shard": json.dumps(asdict(write_shard(pickle.loads(row["work"]))))}
