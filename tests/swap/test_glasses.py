"""Frames across the bridge of the nose are seen; bare faces are not taken for glasses."""

import cv2
import numpy as np
import pytest

from likeness.faces import FaceAnalyzer
from likeness.ingest.decode import Limits, decode_photo
from likeness.swap.glasses import bridge_contrast

LIMIT = 0.15
LIMITS = Limits(max_file_mb=50, max_megapixels=64, max_side_px=2048, background_rgb=(255, 255, 255))
PEOPLE = ("sources/jade_01.jpg", "sources/jade_04.jpg", "targets/01_mei.jpg", "targets/09_tom.jpg")


def draw_frame(rgb, face, colour):
    points, picture = face.landmarks[:, :2], rgb.copy()
    thickness = max(1, round(0.03 * np.linalg.norm(points[263] - points[33])))
    ends = []
    for outer, inner in ((33, 133), (263, 362)):
        centre, width = (points[outer] + points[inner]) / 2, np.linalg.norm(points[outer] - points[inner])
        box = (tuple(map(float, centre)), (1.7 * width, 1.3 * width), face.roll_deg)
        cv2.ellipse(picture, box, colour, thickness, cv2.LINE_AA)
        ends.append(tuple((centre + (points[inner] - points[outer]) * 0.85).round().astype(int).tolist()))
    cv2.line(picture, *ends, colour, thickness, cv2.LINE_AA)
    return picture


@pytest.mark.parametrize("name", PEOPLE)
def test_a_bare_face_wears_none_and_a_dark_frame_is_seen(sitters, name):
    rgb = decode_photo(sitters / name, LIMITS).rgb
    face = FaceAnalyzer().faces(rgb)[0]
    assert bridge_contrast(rgb, face) < LIMIT / 2
    for colour in ((20, 20, 20), (110, 60, 30)):
        assert bridge_contrast(draw_frame(rgb, face, colour), face) > LIMIT
