"""What plug-ins create: a detector that finds faces, a sink that writes results."""

from contextlib import AbstractContextManager
from typing import Protocol

from genderscope.core.types import Face, Image, Scene


class Detector(Protocol):
    """Finds faces; results give its ``name``. A plug-in defines ``create(...) -> Detector`` with
    any parameters of ``detection.create``.

    Three attributes are optional. With ``smallest_px``, the smallest face that it finds in pixels,
    large pictures are decoded at a reduced size where only larger faces are wanted. With ``find``,
    like the call but for faces of any size in thumbnails, most video frames are searched only in
    small windows around the tracks; ``kept`` drops the faces that the call would drop.
    """

    name: str

    def __call__(self, image: Image) -> list[Face]:
        """Faces of a (height, width, 3) BGR picture, best first; ``Faces`` reports dropped ones."""
        ...


class Sink(AbstractContextManager["Sink"], Protocol):
    """Writes scenes; a context manager that closes what it opened.

    A plug-in defines ``create(target: str) -> Sink``, and ``NEEDS_PICTURES = True`` if it reads the
    scenes' pictures.
    """

    def write(self, scene: Scene) -> None: ...
