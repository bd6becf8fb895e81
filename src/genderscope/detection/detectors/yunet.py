"""YuNet (Wu et al. 2023): a small, fast network that finds faces at any angle with landmarks.

Its weights (OpenCV Zoo, MIT licence) are not in this package; ``models pull yunet`` downloads them.
ONNX Runtime takes less than half the time of OpenCV's ``FaceDetectorYN`` on a CPU and finds the
same boxes. The landmarks follow only about a third of a face's roll (median of 300 faces of
FairFace train turned by up to 20 degrees), so they give a crop's position and size better than its
rotation.
"""

from functools import partial
from pathlib import Path

import cv2
import numpy as np

from genderscope.core import sessions
from genderscope.core.errors import ModelError
from genderscope.core.types import Box, Face, Floats, Image, Orientation
from genderscope.detection import MIN_SCORE, downloads, kept, search

# In photographs whose faces are known from larger views, it finds all of 13 pixels, most of 12.
SMALLEST_PX = 12
NMS_IOU = 0.3
SHORTEST_SIDE_PX = 64
# With a second pass, views are smaller and low first scores suffice. Of 400 faces of FairFace train
# in a photograph of 1280 x 720, two passes find 71% at 24 pixels, one finds 57%; at 28 pixels it is
# 78 and 76%, at 34 92 and 92%, at 44 99 and 92%.
COARSE, CANDIDATE_SCORE = 0.7, 0.3
STRIDES_PX = (8, 16, 32)
OUTPUTS = [f"{kind}_{stride}" for stride in STRIDES_PX for kind in ("cls", "obj", "bbox", "kps")]


class YuNet:
    """YuNet from a file, by default that of ``downloads.find``; ``ModelError`` if absent or broken.
    Threads may share one instance.
    """

    name = "yunet"
    smallest_px = SMALLEST_PX

    def __init__(
        self,
        model: Path | None,
        detection_size: int,
        min_score: float,
        min_face_px: int,
        orientation: Orientation = "upright",
        threads: int = 1,
        provider: str = sessions.CPU,
    ) -> None:
        model = model or downloads.find("yunet")
        if model is None or not model.is_file():
            raise ModelError(
                f"YuNet's weights are missing{f' ({model})' if model else ''}: "
                "get them with 'genderscope models pull yunet', or name a file with "
                "--detector-model, in Python detector_model"
            )
        self._detection_size, self._min_face_px = detection_size, min_face_px
        self.min_score, self._orientation = min_score, orientation
        self._session = sessions.Session(model, threads, provider)
        session = self._session()
        shapes = {value.name: value.shape for value in session.get_inputs()}
        names = {value.name for value in session.get_outputs()}
        if not names.issuperset(OUTPUTS) or isinstance(shapes.get("input", [0] * 4)[3], int):
            raise ModelError(
                f"{model} is not a YuNet model for pictures of any size: "
                "'genderscope models pull yunet' gets one"
            )

    def __call__(self, image: Image) -> list[Face]:
        upright = self._orientation == "upright"
        return search(
            image,
            self.find if upright else partial(self.find, min_score=CANDIDATE_SCORE),
            detection_size=self._detection_size,
            min_face_px=self._min_face_px,
            smallest_px=SMALLEST_PX,
            min_score=self.min_score,
            least_score=min(self.min_score, MIN_SCORE),
            orientation=self._orientation,
            coarse=1.0 if upright else COARSE,
        )

    def find(self, view: Image, min_score: float = MIN_SCORE) -> list[Face]:
        """Faces of one view at its own scale, of any size that the network detects."""
        min_score = min(self.min_score, min_score)
        height, width = view.shape[:2]
        # A side of one stride or less gives random faces, even in a black view.
        rows, columns = (
            -(-max(side, SHORTEST_SIDE_PX) // STRIDES_PX[-1]) * STRIDES_PX[-1]
            for side in (height, width)
        )
        pixels = np.zeros((1, 3, rows, columns), np.float32)
        pixels[0, :, :height, :width] = view.transpose(2, 0, 1)
        answers = self._session().run(OUTPUTS, {"input": pixels})
        decoded = np.concatenate(
            [
                self._decoded(
                    [answer[0] for answer in answers[4 * place :][:4]], columns, stride, min_score
                )
                for place, stride in enumerate(STRIDES_PX)
            ]
        )
        # The network sometimes returns boxes without area, and NaN.
        decoded = decoded[np.isfinite(decoded).all(1) & (decoded[:, 2:4] > 0).all(1)]
        # Whole pixels, as in OpenCV's own non-maximum suppression.
        kept = cv2.dnn.NMSBoxes(decoded[:, :4].astype(int).tolist(), decoded[:, 14], 0.0, NMS_IOU)
        return [
            Face(
                Box(*row[:4]),
                score=row[14],
                landmarks=tuple(zip(row[4:14:2], row[5:14:2], strict=True)),
            )
            for row in decoded[np.asarray(kept, int)].tolist()
        ]

    def kept(self, faces: list[Face]) -> list[Face]:
        """See ``Detector``."""
        return kept(faces, self.min_score, self._min_face_px)

    def _decoded(
        self, answers: list[Floats], columns: int, stride: int, min_score: float
    ) -> Floats:
        """Boxes, landmarks and scores, (n, 15), of the cells of one stride that reach
        ``min_score``, from the outputs: class scores (m, 1), objectness (m, 1), boxes (m, 4) and
        landmarks (m, 10), in rows of ``columns`` pixels.
        """
        classes, objectness, boxes, landmarks = answers
        squared_scores = classes * objectness
        place = np.flatnonzero(squared_scores >= min_score**2)
        if not place.size:
            return np.empty((0, 15))
        cells = np.stack([place % (columns // stride), place // (columns // stride)], 1)
        with np.errstate(over="ignore"):
            sides = np.exp(boxes[place, 2:])
        corners = boxes[place, :2] + cells - sides / 2
        points = landmarks[place] + np.tile(cells, 5)
        pixels = np.hstack([corners, sides, points]) * stride
        return np.hstack([pixels, np.sqrt(squared_scores[place])])


create = YuNet
