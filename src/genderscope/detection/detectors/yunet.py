"""YuNet (Wu et al. 2023): a small, fast network that finds faces at any angle with landmarks.

Its weights (OpenCV Zoo, MIT licence) are not in this package; ``models pull yunet`` downloads them.
ONNX Runtime takes less than half the time of OpenCV's ``FaceDetectorYN`` on a CPU and finds the
same faces at the same places. The landmarks follow only about a third of a face's tilt (median of
300 faces of FairFace train turned by up to 20 degrees), so they place and size a crop better than
they turn it.
"""

from functools import partial
from pathlib import Path

import cv2
import numpy as np

from genderscope.core import sessions
from genderscope.core.errors import ModelError
from genderscope.core.types import Box, Face, Floats, Image, Orientation
from genderscope.detection import MIN_SCORE, downloads, search

# In photographs with faces known from larger views, it finds all of 13 pixels and most of 12.
SMALLEST_PX = 12
NMS_IOU = 0.3
SHORTEST_SIDE_PX = 64
# Where faces are looked at again, views are smaller and low scores are enough. Of 400 faces of
# FairFace train in a photograph of 1280 x 720, 71% of 24 pixels are found so, and 57% at one look;
# of 28 pixels 78 and 76%, of 34 92 and 92%, of 44 99 and 92%.
COARSE, CANDIDATE_SCORE = 0.7, 0.3
STRIDES_PX = (8, 16, 32)
OUTPUTS = [f"{kind}_{stride}" for stride in STRIDES_PX for kind in ("cls", "obj", "bbox", "kps")]


class YuNet:
    """YuNet from a file, by default ``downloads.find``'s; ``ModelError`` if absent or broken.
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
                f"YuNet's weights are not there{f' ({model})' if model else ''}: "
                "get them with 'genderscope models pull yunet', or name a file with "
                "--detector-model"
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
        """Faces of one view at its own scale, of any size that it can see."""
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
        # It sometimes returns boxes of negative size, and NaN.
        sound = np.isfinite(decoded).all(1) & (decoded[:, 2:4] > 0).all(1)
        decoded = decoded[sound]
        # Whole pixels, as in OpenCV's own suppression.
        kept = cv2.dnn.NMSBoxes(decoded[:, :4].astype(int).tolist(), decoded[:, 14], 0.0, NMS_IOU)
        return [
            Face(
                Box(*row[:4]),
                score=row[14],
                landmarks=tuple(zip(row[4:14:2], row[5:14:2], strict=True)),
            )
            for row in decoded[np.asarray(kept, int)].tolist()
        ]

    def _decoded(
        self, answers: list[Floats], columns: int, stride: int, min_score: float
    ) -> Floats:
        """Boxes, landmarks and scores, (n, 15), of what scores enough at one stride, from kinds (n,
        1), things (n, 1), boxes (n, 4) and landmarks (n, 10), by rows of cells a stride wide,
        ``columns`` pixels in all.
        """
        kinds, things, boxes, landmarks = answers
        squares = kinds * things
        place = np.flatnonzero(squares >= min_score**2)
        if not place.size:
            return np.empty((0, 15))
        cells = np.stack([place % (columns // stride), place // (columns // stride)], 1)
        with np.errstate(over="ignore"):
            sides = np.exp(boxes[place, 2:])
        corners = boxes[place, :2] + cells - sides / 2
        points = landmarks[place] + np.tile(cells, 5)
        return np.hstack([np.hstack([corners, sides, points]) * stride, np.sqrt(squares[place])])


create = YuNet
