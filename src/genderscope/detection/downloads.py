"""Weights that this package lacks: their addresses and pinned hashes. Only ``pull`` downloads."""

import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from genderscope.core.errors import DownloadError, UsageError

TIMEOUT_S = 60
BLOCK_BYTES = 1 << 16
MOST_BYTES = 64 << 20  # several hundred times the largest file


@dataclass(frozen=True, slots=True)
class Download:
    """A file at its official address, with its pinned SHA-256 and its licence."""

    url: str
    sha256: str
    licence: str

    @property
    def file(self) -> Path:
        """Its path once pulled."""
        return user_cache_path("genderscope") / self.url.rpartition("/")[2]


DOWNLOADS = {
    "yunet": Download(
        "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/"
        "face_detection_yunet_2026may.onnx",
        "ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0",
        "MIT",
    ),
}


def find(name: str) -> Path | None:
    """The file of a download: ``GENDERSCOPE_<NAME>`` if set, even if it does not exist; else the
    pulled file; None if there is neither.
    """
    if named := os.environ.get(f"GENDERSCOPE_{name.upper()}"):
        return Path(named).expanduser()
    file = DOWNLOADS[name].file
    return file if file.is_file() else None


def weights(detector: str, model: Path | None) -> Path | None:
    """The file of a detector's weights: ``model`` where one is named; None where it has no file."""
    return model or (find(detector) if detector in DOWNLOADS else None)


def pull(name: str, url: str | None = None) -> Path:
    """Download a file to the user's cache, and keep it only if its hash is the pinned one. ``url``
    is another address of the same file, such as a mirror's or ``file:///...``. ``UsageError`` for
    an unknown name, ``DownloadError`` if the address does not answer or sends another file.
    """
    from hashlib import sha256  # all slow to import
    from http.client import HTTPException
    from tempfile import NamedTemporaryFile
    from urllib.request import urlopen

    if name not in DOWNLOADS:
        raise UsageError(f"no weights {name!r} to pull; there are: {', '.join(DOWNLOADS)}")
    wanted = DOWNLOADS[name]
    url = url or wanted.url
    wanted.file.parent.mkdir(parents=True, exist_ok=True)
    digest = sha256()
    with NamedTemporaryFile(dir=wanted.file.parent, delete=False) as part:
        try:
            with urlopen(url, timeout=TIMEOUT_S) as answer:
                while block := answer.read(BLOCK_BYTES):
                    digest.update(block)
                    part.write(block)
                    if part.tell() > MOST_BYTES:
                        raise DownloadError(
                            f"{url} sends more than {MOST_BYTES:,} bytes, so it is another file; "
                            "nothing was kept"
                        )
            if digest.hexdigest() != wanted.sha256:
                raise DownloadError(
                    f"{url} sent a file with SHA-256 {digest.hexdigest()} instead of "
                    f"{wanted.sha256}; nothing was kept"
                )
            part.flush()
            Path(part.name).replace(wanted.file)
        except (OSError, HTTPException, ValueError) as error:
            raise DownloadError(
                f"{url} could not be read: {error}; download {wanted.url} elsewhere "
                f"(SHA-256 {wanted.sha256}), then: genderscope models pull {name} --from FILE"
            ) from error
        finally:
            Path(part.name).unlink(missing_ok=True)
    return wanted.file
