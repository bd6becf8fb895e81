"""Names of persons, in the spellings of different data sets."""


def normalised(identity: str | None) -> str:
    """A name with case, underscores and spaces normalised; empty where unknown."""
    return " ".join((identity or "").replace("_", " ").casefold().split())
