"""Text for a terminal. Imports nothing, so that ``--help`` is fast."""


def printable(text: str) -> str:
    """Text on one line without control characters, safe to print: a path may hold anything."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )
