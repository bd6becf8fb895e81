"""Resource limits of one picture, which are options of ``genderscope classify``."""

from dataclasses import dataclass, fields
from typing import ClassVar

from genderscope.core.arguments import positive


@dataclass(frozen=True, slots=True)
class Limits:
    """Resource limits of one picture; ``UsageError`` unless all are positive and finite.

    Attributes:
        max_pixels: reject larger pictures before decoding.
        max_memory: reject pictures that need more memory, in MB, judged by their header.
        max_seconds: give up on a picture that takes longer to decode.
    """

    PANEL: ClassVar[str] = "Limits"
    MAY_BE_ZERO: ClassVar[frozenset[str]] = frozenset()

    max_pixels: int = 120_000_000  # below Pillow's own limit of 178,956,970
    max_memory: int = 512
    max_seconds: float = 10

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (value == 0 and field.name in self.MAY_BE_ZERO):
                positive(field.name, value)
