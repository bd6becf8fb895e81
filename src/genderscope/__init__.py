"""genderscope: perceived gender presentation of faces, compact, real-time and auditable.

>>> import genderscope
>>> scope = genderscope.load()
>>> faces = scope(image)  # doctest: +SKIP
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from genderscope.core import __version__

if TYPE_CHECKING:
    from genderscope.api import Results, Scope, load
    from genderscope.core.errors import (
        DatasetError,
        DownloadError,
        FaceOutsidePicture,
        GenderscopeError,
        MissingExtra,
        ModelError,
        ModelWarning,
        PictureError,
        ResultError,
        SourceError,
        UsageError,
    )
    from genderscope.core.types import (
        LABELS,
        UNCERTAIN,
        Box,
        Face,
        Frame,
        Prediction,
        Result,
        Sample,
        Scene,
    )
    from genderscope.imaging.preprocess import PreprocessSpec
    from genderscope.inference.classifier import Classifier
    from genderscope.measures import audit, evaluate

# From 1.29 on ONNX Runtime's own wheels tell Microsoft how they are used, and keep a file about it
# in the user's cache, unless this stands before they are imported. Nothing may leave the machine.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# NumPy and OpenCV start OpenBLAS's threads on import; without this they spin before they sleep.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

__all__ = [
    "LABELS",
    "UNCERTAIN",
    "Box",
    "Classifier",
    "DatasetError",
    "DownloadError",
    "Face",
    "FaceOutsidePicture",
    "Frame",
    "GenderscopeError",
    "MissingExtra",
    "ModelError",
    "ModelWarning",
    "PictureError",
    "Prediction",
    "PreprocessSpec",
    "Result",
    "ResultError",
    "Results",
    "Sample",
    "Scene",
    "Scope",
    "SourceError",
    "UsageError",
    "__version__",
    "audit",
    "evaluate",
    "load",
]
# Where the names come from; nothing is imported before it is used.
_HOMES = (
    "core.errors",
    "core.types",
    "imaging.preprocess",
    "inference.classifier",
    "api",
    "measures",
)


def __getattr__(name: str) -> Any:
    for home in _HOMES if name in __all__ else ():
        if hasattr(module := import_module(f"genderscope.{home}"), name):
            return getattr(module, name)
    raise AttributeError(f"module 'genderscope' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
