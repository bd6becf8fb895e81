"""Going on where an earlier run ended: what is done already, and whether it was done the same way.

Knows nothing of how outputs are written.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from genderscope.core.errors import UsageError
from genderscope.core.storage import Store


class Done:
    """Names of what is done, at eight bytes each however long they are: a million take 8 MB.

    They are kept as hashes; that one of a million new names is taken for one of a million done has
    a chance of one in twenty million.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._hashes = np.sort(np.fromiter(map(_hash, names), np.uint64))

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, name: str) -> bool:
        wanted = np.uint64(_hash(name))
        place = np.searchsorted(self._hashes, wanted)
        return bool(place < len(self._hashes) and self._hashes[place] == wanted)


def keep(store: Store, name: str, settings: dict[str, Any]) -> None:
    """Write the settings of a run, plain values for JSON, beside its output."""
    store.write(name, json.dumps(settings, indent=1).encode())


def agree(store: Store, name: str, settings: dict[str, Any]) -> None:
    """Hold the settings of a run against those that are there, or ``keep`` them.

    Raises:
        UsageError: they differ, or the file is broken.
    """
    kept = store.read(name)
    if kept is None:
        keep(store, name, settings)
        return
    try:
        was = dict(json.loads(kept))
    except (ValueError, TypeError) as error:
        raise UsageError(f"{store.path(name)} is broken: name another output") from error
    now = json.loads(json.dumps(settings))
    differences = [
        f"{key} was {was.get(key)!r} and is {now.get(key)!r}"
        for key in dict.fromkeys((*was, *now))
        if was.get(key) != now.get(key)
    ]
    if differences:
        raise UsageError(
            f"{store.path(name)} is of another run ({'; '.join(differences)}): give the same "
            "options, or name another output"
        )


def _hash(name: str) -> int:
    data = name.encode(errors="surrogateescape")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
