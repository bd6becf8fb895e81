"""The fingerprint of a data set's samples, which identifies the data in results."""

import hashlib
import os
from collections.abc import Iterable

from genderscope.core.types import Sample


class Fingerprint:
    """A SHA-256 over samples in order: files' names and sizes, labels, boxes, identities."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.samples = 0

    def add(self, samples: Iterable[Sample]) -> None:
        for sample in samples:
            try:
                size = os.stat(sample.file).st_size
            except (OSError, ValueError):  # the latter for a name with a NUL character
                size = -1
            optional = (part for part in (sample.box, sample.identity) if part is not None)
            fields = (sample.file.name, size, sample.label, *optional)
            line = "\t".join(map(str, fields)) + "\n"
            self._digest.update(line.encode(errors="surrogateescape"))
            self.samples += 1

    def __str__(self) -> str:
        """The SHA-256 in hexadecimal."""
        return self._digest.hexdigest()


def fingerprint(samples: Iterable[Sample]) -> Fingerprint:
    """The fingerprint of all samples."""
    result = Fingerprint()
    result.add(samples)
    return result
