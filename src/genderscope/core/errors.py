"""The errors raised on purpose. They end a command with exit code 2, unless its help says more."""


class GenderscopeError(Exception):
    """The root of every error that this package raises on purpose."""


class UsageError(GenderscopeError):
    """An option or argument that is not valid."""


class MissingExtra(UsageError):  # noqa: N818 - it is the extra that is missing
    """An optional dependency is not installed; the message has the command that installs it."""


class PictureError(GenderscopeError):
    """One picture cannot be read: a result, not the end of a job."""


class FaceOutsidePicture(PictureError):  # noqa: N818 - it is the face that lies outside
    """The window around a face lies outside the picture, so that there is nothing to cut out."""


class SourceError(GenderscopeError):
    """A camera, video or address cannot be opened, holds no video, or was lost for good."""


class ModelError(GenderscopeError):
    """A model file is absent, broken, or lacks the metadata that this package writes."""


class DownloadError(GenderscopeError):
    """A download failed, or the file does not have the pinned SHA-256."""


class DatasetError(GenderscopeError):
    """A data set's layout or table is not what its reader expects."""


class ResultError(GenderscopeError):
    """A result file cannot be read, is broken, or is of another kind or version."""


class ModelWarning(UserWarning):
    """A model file runs but is probably useless; the command line prints this as one line."""
