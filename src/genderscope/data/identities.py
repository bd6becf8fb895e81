"""Names of persons as data sets write them."""


def normalised(identity: str | None) -> str:
    """A name without differences of case, underscores and spaces; empty where unknown."""
    return " ".join((identity or "").replace("_", " ").casefold().split())
