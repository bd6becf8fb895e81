"""The network in ONNX Runtime: from crops to calibrated scores.

Labels, preprocessing, temperature and threshold come from the model file's own metadata, so that a
model cannot be run otherwise than it was trained. Knows nothing of pictures, detectors or torch.
"""

import json
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnxruntime

from genderscope.contracts import LABELS, Floats, Image, ModelError
from genderscope.preprocess import PreprocessSpec, to_input

METADATA_KEY = "genderscope"
WEIGHTS = Path(__file__).parent / "weights"


def shipped() -> list[str]:
    """Names of the models in this package."""
    return sorted(file.stem for file in WEIGHTS.glob("*.onnx"))


class Classifier:
    """A model and what its file says of it; see ``load``.

    Attributes:
        name: the model's name.
        spec: the preprocessing that it was trained with.
        temperature, bias: see ``calibrated``.
        min_confidence: below it the answer is ``uncertain``; what it aims at is in the metadata.
        metadata: everything that the export wrote.
    """

    def __init__(self, session: onnxruntime.InferenceSession, metadata: dict[str, Any]) -> None:
        self._session = session
        self.metadata = metadata
        self.name: str = metadata["name"]
        self.spec = PreprocessSpec.from_dict(metadata["spec"])
        self.temperature = float(metadata["temperature"])
        self.bias = float(metadata["bias"])
        self.min_confidence = float(metadata["abstention"]["min_confidence"])

    @classmethod
    def load(cls, model: str | Path, threads: int = 0) -> Self:
        """Open a shipped model by its name, or any exported one by its path.

        Args:
            threads: for one run of the network; 0 leaves it to ONNX Runtime.

        Raises:
            ModelError: it is not there, cannot be opened, or was not exported by this package.
        """
        file = WEIGHTS / f"{model}.onnx" if str(model) in shipped() else Path(model)
        if not file.is_file():
            raise ModelError(
                f"no model {str(model)!r}: give the path of an .onnx file or one of "
                f"{', '.join(shipped())}"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4  # what it would print comes as an exception too
        try:
            session = onnxruntime.InferenceSession(
                file, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exception types are private and have no common root
            raise ModelError(f"{file} cannot be opened as an ONNX model: {error}") from error
        try:
            metadata = json.loads(session.get_modelmeta().custom_metadata_map[METADATA_KEY])
            classifier = cls(session, metadata)
        except (KeyError, ValueError, TypeError) as error:
            raise ModelError(f"{file} lacks genderscope's metadata: {error}") from error
        if tuple(metadata["labels"]) != LABELS:
            raise ModelError(f"{file} has the labels {metadata['labels']}, not {LABELS}")
        return classifier

    def logits(self, crops: Image) -> Floats:
        """Raw outputs, (n, 2), for crops (n, size, size[, 3]) uint8."""
        inputs = {self._session.get_inputs()[0].name: to_input(crops, self.spec)}
        outputs: Floats = self._session.run(["logits"], inputs)[0].astype(np.float64)
        return outputs

    def __call__(self, crops: Image) -> Floats:
        """Calibrated probabilities, (n, 2) in the order of ``LABELS``.

        Args:
            crops: (n, size, size) uint8 grey or (n, size, size, 3) BGR, cut by ``preprocess.crop``.
        """
        return calibrated(self.logits(crops), self.temperature, self.bias)


def calibrated(logits: Floats, temperature: float, bias: float) -> Floats:
    """Probabilities (n, 2) of logits (n, 2): a softmax of the logits over the temperature, with the
    bias added to the last class.
    """
    scaled = logits / temperature + np.array([0.0, bias])
    powers = np.exp(scaled - scaled.max(-1, keepdims=True))
    scores: Floats = powers / powers.sum(-1, keepdims=True)
    return scores
