"""Errors raised on purpose. A command then exits with code 2 unless its help says otherwise."""

from genderscope.core.terminal import printable


class GenderscopeError(Exception):
    """The base of every error that this package raises on purpose."""


class UsageError(GenderscopeError):
    """An option or argument that is not valid."""


class MissingExtra(UsageError):  # noqa: N818 - named for what is missing
    """An optional dependency is not installed; the message has the command that installs it."""


class PictureError(GenderscopeError):
    """One picture cannot be read; a job records this and goes on. The message is one line, in which
    unprintable characters of a name are escaped.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class FaceOutsidePicture(PictureError):  # noqa: N818 - named for what is outside
    """The crop window of a face lies outside the picture."""


class SourceError(GenderscopeError):
    """A camera, video or address cannot be opened, holds no video, or is lost for good."""


class ModelError(GenderscopeError):
    """A model file is absent, broken, or lacks the metadata that this package writes."""


class DownloadError(GenderscopeError):
    """A download failed, or its SHA-256 is not the pinned one."""


class DatasetError(GenderscopeError):
    """A data set's layout or table is not what its reader expects."""


class ResultError(GenderscopeError):
    """A result file cannot be read, is broken, or has another kind or version."""


class ModelWarning(UserWarning):
    """A model file runs but is probably useless; the command line prints this as one line."""
