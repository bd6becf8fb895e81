"""CSV: one row per face, and one per picture without a face or with an ``error``."""

from genderscope.core.types import LABELS
from genderscope.sinks import face_rows


class Rows(face_rows.FaceRows):
    """See ``TextSink``."""

    columns = ("path", "error", "label", "confidence", *LABELS, *face_rows.OF_A_FACE)
    every_picture = True


create = Rows
