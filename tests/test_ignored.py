"""Regions whose faces are ignored, such as a poster on the wall."""

import cv2
import pytest

from genderscope import detection
from genderscope.core.errors import UsageError
from genderscope.detection.ignored import ignoring


def test_faces_in_a_region_are_ignored(portrait):
    picture = cv2.imread(str(portrait))
    small = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    detector = detection.create("haar")
    poster, elsewhere = "180,70,90,110", "300,0,200,512"
    assert len(ignoring(detector, [elsewhere])(picture)) == 1
    assert ignoring(detector, [elsewhere, poster])(picture) == []
    assert ignoring(detector, [poster], reduction=2)(small) == []
    assert len(ignoring(detector, [poster])(small)) == 1
    assert ignoring(detector, [poster]).smallest_px == detector.smallest_px
    assert ignoring(detector, []) is detector


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d", "0,0,0,10", "1,2,3,4,5"])
def test_what_is_no_region_is_refused(text):
    with pytest.raises(UsageError, match="a region is X,Y,WIDTH,HEIGHT in pixels, not"):
        ignoring(detection.create("haar"), [text])
