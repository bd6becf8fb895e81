"""Annotated pictures in a folder, as JPEG where the original is one and as PNG else."""

from collections import Counter
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2

from genderscope.core.errors import UsageError
from genderscope.core.types import Image, Scene
from genderscope.imaging.draw import draw

SUFFIXES = (".jpg", ".jpeg", ".png")


class Annotate:
    """See ``create``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._uses: Counter[str] = Counter()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{folder} cannot be made: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing stays open between pictures."""

    def write(self, scene: Scene) -> None:
        """Write one picture; a scene with an error has none.

        Raises:
            UsageError: the folder cannot be written.
        """
        if scene.frame.image is None:
            return
        path = Path(scene.frame.path)
        suffix = path.suffix if path.suffix.lower() in SUFFIXES else ".png"
        drawn = draw(scene.frame.image, scene.results)
        for use in count(self._uses[path.stem + suffix] + 1):
            self._uses[path.stem + suffix] = use
            number = f"-{use}" if use > 1 else ""
            with suppress(FileExistsError):
                save(drawn, self._folder / f"{path.stem}{number}{suffix}", overwrite=False)
                return


def save(image: Image, file: Path, overwrite: bool = True) -> None:
    """Encode a picture, (height, width, 3) uint8 BGR, as its file's suffix says.

    Raises:
        UsageError: the suffix or the place cannot be written.
        FileExistsError: it is there, and is not to be overwritten.
    """
    if file.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{file} should end in one of {', '.join(SUFFIXES)}")
    data = cv2.imencode(file.suffix, image)[1].tobytes()
    try:
        with file.open("wb" if overwrite else "xb") as opened:
            opened.write(data)
    except FileExistsError:
        raise
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error


def create(target: str) -> Annotate:
    """Write into a folder, made where it is not there. No file is ever overwritten, the originals
    least of all: a name that is taken gets a number.

    Raises:
        UsageError: the folder cannot be made.
    """
    return Annotate(Path(target))
