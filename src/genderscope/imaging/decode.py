"""Decode pictures from files and folders; nothing else in the package decodes.

Every file becomes upright BGR or a ``PictureError``. A JPEG or PNG whose structure bounds the work
is decoded in this process, everything else in ``workers``, which can be killed.
"""

import os
import stat
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from genderscope.core.errors import PictureError
from genderscope.core.extras import installation
from genderscope.core.parallel import Work
from genderscope.core.storage import unexpanded
from genderscope.core.terminal import printable
from genderscope.core.types import Frame, Image
from genderscope.imaging import opening, structure
from genderscope.imaging.limits import Limits
from genderscope.imaging.opening import COPIES, Opened, Request

PORTRAIT = Path(__file__).parent / "samples" / "astronaut.jpg"  # a public-domain portrait
EXTENSIONS = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib"),
    *(".tif", ".tiff", ".avif", ".jp2", ".j2k", ".jpx", ".pbm", ".pgm", ".ppm", ".pnm"),
}
VIDEOS = {".avi", ".mkv", ".mov", ".mp4", ".webm"}
# A tar file is read only if it is named itself.
ARCHIVES = {".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz", ".zip"}
HEIF = {".heic", ".heif", ".hif"}
UNREAD = {
    *(".pdf", ".psd", ".svg", ".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf"),
    *(".rw2", ".pef", ".srw"),
    *VIDEOS,
    *ARCHIVES,
}
"""Extensions of files that may show faces but cannot be read."""
if "HEIF" in opening.FORMATS:
    EXTENSIONS |= HEIF
else:
    UNREAD |= HEIF
LIMITS = Limits()
# Larger pictures, in bytes or in pixels over all passes, are decoded in workers.
QUICK_BYTES, QUICK_PIXELS = 32 * 2**20, 250_000_000


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture that is not yet decoded: its path for results and errors; its file, its bytes or a
    function that fetches them; and its ``structure.passes`` if already counted.
    """

    path: str
    source: Path | bytes | Callable[[], bytes]
    passes: int | None = None

    def fetched(self) -> Path | bytes:
        """The file or the bytes; a fetching function may raise ``PictureError``."""
        return self.source() if callable(self.source) else self.source

    def frame(self, limits: Limits = LIMITS, work: Work | None = None) -> Frame:
        """The decoded picture; arguments and errors as in ``read_reduced``."""
        image, _ = read_reduced(
            self.fetched(), limits, name=self.path, passes=self.passes, work=work
        )
        return Frame(self.path, image)


def read(source: Path | bytes, limits: Limits = LIMITS, *, name: str | None = None) -> Image:
    """Decode one picture, the first frame if animated, to upright (height, width, 3) uint8 BGR with
    transparency on white. ``PictureError`` says in one line what is wrong and what to do, after
    ``name``, by default the file's.
    """
    return read_reduced(source, limits, name=name)[0]


def read_reduced(
    source: Path | bytes,
    limits: Limits = LIMITS,
    *,
    name: str | None = None,
    longest_px: int = 0,
    reductions: Sequence[int] = (),
    passes: int | None = None,
    work: Work | None = None,
) -> tuple[Image, int]:
    """Decode one picture at a reduced size if its format allows: a JPEG at a half, a quarter or an
    eighth, which is faster than at full size.

    Args:
        source, limits, name: as in ``read``, which also lists the errors.
        longest_px: the least longer side after the reduction.
        reductions: the allowed ones of 2, 4 and 8.
        passes: the picture's ``structure.passes``, by default counted here.
        work: reserves the memory, and ends the decoding when it is cancelled.

    Returns:
        The picture as from ``read``, and its reduction: the largest possible one, or 1.
    """
    if name is None:
        name = "the picture" if isinstance(source, bytes) else str(source)
    data = b""
    try:
        work = work or Work()
        data = source if isinstance(source, bytes) else _content(source, limits, work)
        passes = structure.passes(data) if passes is None else passes
        request = Request(data, limits, passes, longest_px, tuple(reductions))
        return _decoded(request, work)
    except Exception as error:
        raise PictureError(f"{name} {_problem(error, data, name)}") from error


def work_pixels(data: bytes, passes: int, limits: Limits = LIMITS) -> float:
    """The pixels that a decoder processes in all its ``passes`` (see ``structure.passes``);
    infinite if a picture's header and structure do not tell.
    """
    if not passes:
        return float("inf")  # Pillow might take minutes to open it
    try:
        with _QUIET:
            return Opened(Request(data, limits, passes)).pixels * passes
    except Exception:  # what Pillow raises on hostile bytes has no common base
        return float("inf")


def find(
    paths: Iterable[str | Path], avoid: Path | None = None, unread: Counter[str] | None = None
) -> Iterator[Path | Frame]:
    """Stream the pictures that paths name, and a frame with the error for an unreadable folder.

    A named file is always tried. In folders, at any depth, visible files with a picture's extension
    are found, sorted by name, a folder's files before its subfolders. Links to folders are not
    followed, so there are no loops; the folder ``avoid``, such as the output, is skipped.
    ``unread`` counts by extension the files in folders that may show faces but are not read.
    """
    avoid = avoid and avoid.resolve()
    unread = Counter() if unread is None else unread
    for path in map(Path, paths):
        if os.path.isdir(path):  # Path.is_dir raises if a parent folder is not accessible
            yield from _inside(path, avoid, unread)
        else:
            yield path


def frames(
    paths: Iterable[str | Path], avoid: Path | None = None, unread: Counter[str] | None = None
) -> Iterator[Frame]:
    """Decode what ``find`` finds, one picture at a time; a failure is a frame with its error."""
    for found in find(paths, avoid, unread):
        try:
            yield found if isinstance(found, Frame) else Frame(str(found), read(found))
        except PictureError as error:
            yield Frame(str(found), error=str(error))


def _inside(top: Path, avoid: Path | None, unread: Counter[str]) -> Iterator[Path | Frame]:
    pending = [top]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as entries:
                listing = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            problem = f"{folder} {opening.problem(error, b'')}"
            yield Frame(str(folder), error=printable(problem))
            continue
        below = []
        for entry in listing:
            path = Path(entry)
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if path.resolve() != avoid:
                    below.append(path)
            # A broken link is tried and fails; a pipe is skipped, since reading could block.
            elif path.suffix.lower() in EXTENSIONS and (entry.is_symlink() or entry.is_file()):
                yield path
            elif path.suffix.lower() in UNREAD:
                unread[path.suffix.lower()] += 1
        pending += reversed(below)


class _Quiet:
    """Suppresses warnings while any thread reads: about readable files they do not concern users.
    ``warnings.catch_warnings`` alone is not thread-safe.
    """

    def __init__(self) -> None:
        self._lock, self._readers = Lock(), 0
        self._silence = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._readers:
                self._silence = warnings.catch_warnings()
                self._silence.__enter__()
                warnings.simplefilter("ignore")
            self._readers += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._readers -= 1
            if not self._readers:
                self._silence.__exit__(None, None, None)


_QUIET = _Quiet()


def _problem(error: Exception, data: bytes, name: str) -> str:
    """What is wrong with a picture: see ``opening.problem``. Its name may tell more."""
    problem = opening.problem(error, data)
    if isinstance(error, FileNotFoundError):
        pattern = "a pattern is not expanded here: use glob.glob" if "*" in name else ""
        advice = unexpanded(name) or pattern
        return f"is not there; {advice}" if advice else problem
    if not problem.startswith(opening.UNKNOWN):
        return problem
    suffix = Path(name).suffix.lower()
    if suffix in HEIF & UNREAD:
        return f"is HEIC: {installation('heif')}"
    if suffix in VIDEOS:
        return "is a video: use 'genderscope watch'"
    return "is an archive that cannot be read; unpack it" if suffix in ARCHIVES else problem


def _content(file: Path, limits: Limits, work: Work) -> bytes:
    """The bytes of a regular file, up to its size: reading a pipe, a socket, a device or a kernel's
    file, whose size is 0, could block. A large file reserves all the memory.
    """
    try:
        status = file.stat()
    except ValueError as error:
        raise PictureError(f"cannot be the name of a file: {error}") from error
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise PictureError("is not a regular file; save the picture as one")
    memory = limits.max_memory * 2**20
    if COPIES * status.st_size > memory:
        raise PictureError(
            f"has {status.st_size / 2**20:,.0f} MB, too many for the memory limit of "
            f"{limits.max_memory:,}; shrink it or raise the limit"
        )
    if status.st_size > QUICK_BYTES:
        work.reserve(memory)
    with file.open("rb") as content:
        return content.read(status.st_size)


def _decoded(request: Request, work: Work) -> tuple[Image, int]:
    """A picture and its reduction."""
    if request.passes and len(request.data) <= QUICK_BYTES:
        with _QUIET:
            opened = Opened(request)
            if opened.pixels * request.passes <= QUICK_PIXELS:
                work.reserve(opened.memory)
                opened.decode()
                return opening.bgr(opened.picture), opened.reduction
    from genderscope.imaging import workers  # slow to import

    return workers.decode(request, work)
