"""The provenance of what a command writes."""

import shlex
import sys

from genderscope.core.results import Exclusions, Provenance, versions


def of(
    *packages: str,
    seed: int | None = None,
    fingerprint: str | None = None,
    exclusions: Exclusions | None = None,
) -> Provenance:
    """Provenance with this process's command and the versions of ``packages``."""
    return Provenance(
        command=shlex.join(["genderscope", *sys.argv[1:]]),
        versions=versions(packages),
        seed=seed,
        fingerprint=fingerprint,
        exclusions=exclusions,
    )
