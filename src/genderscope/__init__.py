"""genderscope: perceived gender presentation of faces, compact, real-time and auditable.

>>> import genderscope
>>> scope = genderscope.load()
>>> faces = scope(image)  # doctest: +SKIP
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genderscope.core.errors import (
        DatasetError,
        DownloadError,
        FaceOutsidePicture,
        GenderscopeError,
        MissingExtra,
        ModelError,
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
    from genderscope.inference.pipeline import Scope, load

# From 1.29 on ONNX Runtime's own wheels tell Microsoft how they are used, and keep a file about it
# in the user's cache, unless this stands before they are imported. Nothing may leave the machine.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__version__ = "0.1.0"
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
    "PictureError",
    "Prediction",
    "PreprocessSpec",
    "Result",
    "ResultError",
    "Sample",
    "Scene",
    "Scope",
    "SourceError",
    "UsageError",
    "__version__",
    "load",
]
# What does not come from ``core.types``; nothing is imported before it is used.
_HOMES = {
    "Classifier": "inference.classifier",
    "DatasetError": "core.errors",
    "DownloadError": "core.errors",
    "FaceOutsidePicture": "core.errors",
    "GenderscopeError": "core.errors",
    "MissingExtra": "core.errors",
    "ModelError": "core.errors",
    "PictureError": "core.errors",
    "PreprocessSpec": "imaging.preprocess",
    "ResultError": "core.errors",
    "Scope": "inference.pipeline",
    "SourceError": "core.errors",
    "UsageError": "core.errors",
    "load": "inference.pipeline",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'genderscope' has no attribute {name!r}")
    return getattr(import_module(f"genderscope.{_HOMES.get(name, 'core.types')}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
