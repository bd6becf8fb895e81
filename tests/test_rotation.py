"""Frames of cameras that are mounted sideways or upside down."""

import cv2
import numpy as np
import pytest

from genderscope import detection
from genderscope.video.rotation import Rotation

pytest.importorskip("scipy", reason="needs the extra [video]")


@pytest.mark.parametrize("mounted", [0, 1, 2, 3])
def test_faces_tell_which_way_up_a_camera_is(mounted, portrait, shared):
    weights = next(shared.glob("models/*yunet*.onnx"))
    detector, asked = detection.create(model=weights), []

    def calls(image):
        asked.append(image.shape)
        return detector(image)

    upright = cv2.resize(cv2.imread(str(portrait)), (192, 160))
    frame = np.ascontiguousarray(np.rot90(upright, mounted))
    rotation = Rotation(calls, None)
    for _ in range(8):
        np.testing.assert_array_equal(rotation(frame), upright)
    assert len(asked) < 8 * 4  # it stopped trying
    fixed = Rotation(calls, 90 * mounted)
    np.testing.assert_array_equal(fixed(frame), upright)
