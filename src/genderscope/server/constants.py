"""Constants that the page shares with Python, as the JavaScript module ``web/constants.js``."""

import json
from pathlib import Path

from genderscope.core.types import LABELS, TEMPLATE, UNCERTAIN
from genderscope.imaging.draw import COLOURS
from genderscope.video import tracking

RUNTIME = Path(__file__).parent / "web" / "onnxruntime" / "ort.wasm.bundle.min.mjs"
"""What runs networks in the browser, where ``scripts/build_web.sh`` has put it."""


def javascript() -> str:
    """The module's source."""
    constants = {
        "LABELS": LABELS,
        "UNCERTAIN": UNCERTAIN,
        "COLOURS": {label: "#{2:02x}{1:02x}{0:02x}".format(*bgr) for label, bgr in COLOURS.items()},
        "MAX_AGE_MS": tracking.MAX_AGE_S * 1000,
        "MIN_HITS": tracking.MIN_HITS,
        "PADDING": tracking.PADDING,
        "MIN_IOU": tracking.MIN_IOU,
        "MAX_SCORE": tracking.MAX_SCORE,
        "TEMPLATE": [(point.real, point.imag) for point in TEMPLATE],
        "IN_TAB": RUNTIME.is_file(),
    }
    lines = (f"export const {name} = {json.dumps(value)};\n" for name, value in constants.items())
    return "".join(lines)
