"""What a plug-in must provide: a detector that finds faces, a sink that writes results."""

from types import TracebackType
from typing import Protocol, Self

from genderscope.core.types import Face, Image, Scene


class Detector(Protocol):
    """Finds faces. A plug-in is a file in ``detectors/`` with ``create(**options) -> Detector``."""

    name: str

    def __call__(self, image: Image) -> list[Face]:
        """Faces of a (height, width, 3) BGR picture, best first."""
        ...


class Sink(Protocol):
    """Takes scenes and writes them somewhere; a context manager that closes what it opened."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def write(self, scene: Scene) -> None: ...
