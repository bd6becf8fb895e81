"""The provenance of what a command writes."""

import shlex
import sys
from typing import TYPE_CHECKING

from genderscope.core.storage import redacted

if TYPE_CHECKING:
    from genderscope.core.results import Exclusions, Provenance
    from genderscope.evaluation.samples import Samples


def words() -> list[str]:
    """The arguments of this process, without those that do not affect the results, and addresses
    without their user, password and query.
    """
    kept = (word for word in sys.argv[1:] if word not in ("--overwrite", "-q", "-v"))
    return [redacted(word) for word in kept]


def command() -> str:
    """The command line as one shell-quoted string."""
    return shlex.join(["genderscope", *words()])


def of(
    *packages: str,
    seed: int | None = None,
    samples: "Samples | None" = None,
    exclusions: "Exclusions | None" = None,
) -> "Provenance":
    """Provenance with this process's command, the versions of ``packages``, and the fingerprint and
    exclusions of ``samples``.
    """
    from genderscope.core.results import Provenance, versions

    return Provenance(
        command=command(),
        versions=versions(packages),
        seed=seed,
        fingerprint=samples.fingerprint if samples else None,
        exclusions=samples.exclusions if samples else exclusions,
    )
