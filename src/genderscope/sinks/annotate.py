"""Annotated pictures in a folder: JPEG if the original is JPEG, otherwise PNG."""

import os
import re
from collections import Counter
from pathlib import Path

import cv2

from genderscope.core.errors import UsageError
from genderscope.core.storage import write_whole
from genderscope.core.types import Image, Scene
from genderscope.sinks import BaseSink, check_folder, drawn

NEEDS_PICTURES = True
SUFFIXES = (".jpg", ".jpeg", ".png")
JPEG_PX = 65_500  # longest side that JPEG encoders accept
MAX_STEM_BYTES = 180  # file systems allow 255 with a number and the suffix of a partial file


class Annotate(BaseSink):
    """A folder, created if needed; ``UsageError`` if that fails. A name in use gets a number."""

    def __init__(self, target: str) -> None:
        check_folder(target)
        self._folder = Path(target)
        self._uses: Counter[str] = Counter()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{target} cannot be created: {error.strerror}") from error

    def write(self, scene: Scene) -> None:
        """Write the picture of a scene without an error; ``UsageError`` if that fails."""
        if (picture := drawn(scene)) is None:
            return
        path = Path(scene.frame.path)
        fits = path.suffix.lower() in SUFFIXES and max(picture.shape) <= JPEG_PX
        suffix = path.suffix if fits else ".png"
        name = (path.stem + suffix).casefold()  # file systems may ignore case
        self._uses[name] = save_new(picture, self._folder, path.stem, suffix, self._uses[name] + 1)


create = Annotate


def save_new(image: Image, folder: Path, stem: str, suffix: str, number: int = 1) -> int:
    """Write a picture to a new file, numbered from ``number`` if the name is taken, and return the
    number used. The stem may come from an archive: control characters become ``_``, and only its
    first ``MAX_STEM_BYTES`` are used.
    """
    stem = re.sub(r"[\x00-\x1f\x7f]", "_", stem)
    if len(encoded := os.fsencode(stem)) > MAX_STEM_BYTES:
        stem = encoded[:MAX_STEM_BYTES].decode(errors="ignore")
    while (file := folder / f"{stem}{f'-{number}' if number > 1 else ''}{suffix}").exists():
        number += 1
    save(image, file)
    return number


def check(file: Path) -> None:
    """``UsageError`` if a file's suffix is not that of a supported picture format."""
    if file.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{file} should end in one of {', '.join(SUFFIXES)}")


def save(image: Image, file: Path) -> None:
    """Write a picture, (height, width, 3) uint8 BGR, in the format of the file's suffix;
    ``UsageError`` if that is unknown or the file cannot be written.
    """
    check(file)
    try:
        encoded, data = cv2.imencode(file.suffix, image)
        if not encoded:
            height, width = image.shape[:2]
            raise UsageError(f"{file} cannot be written: {width} x {height} pixels do not fit")
        write_whole(file, data.tobytes())
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
