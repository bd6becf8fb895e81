"""What plug-ins create: a detector that finds faces, a sink that writes results."""

from contextlib import AbstractContextManager
from typing import Protocol

from genderscope.core.types import Face, Image, Scene


class Detector(Protocol):
    """Finds faces; its name is for results. A plug-in defines ``create(...) -> Detector`` with any
    parameters of ``detection.create``. If it defines ``smallest_px``, the smallest face that it
    finds in pixels, large pictures are decoded smaller where only larger faces are wanted. If it
    defines ``find``, as the call, but for faces of any size in a picture as small as a thumbnail,
    video searches small windows around the tracks in most frames.
    """

    name: str

    def __call__(self, image: Image) -> list[Face]:
        """Faces of a (height, width, 3) BGR picture, best first; ``Faces`` if any are left out."""
        ...


class Sink(AbstractContextManager["Sink"], Protocol):
    """Writes scenes; a context manager that closes what it opened.

    A plug-in defines ``create(target: str) -> Sink``, and ``NEEDS_PICTURES = True`` if it reads the
    scenes' pictures.
    """

    def write(self, scene: Scene) -> None: ...
