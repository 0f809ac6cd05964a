from dataclasses import replace

import cv2
import numpy as np
import pytest
from swap_portraits import config, portrait_of

from likeness.faces import mesh
from likeness.swap import Portrait
from likeness.swap.flaws import LIPS_INNER
from likeness.swap.lighting import measure

BARE = ["sources/jade_01.jpg", "sources/jade_04.jpg", "others/amara.jpg", "others/ravi.jpg"]


def with_frame(portrait: Portrait, colour: tuple[int, int, int]) -> Portrait:
    """The portrait with a pair of round glasses painted on."""
    points = portrait.face.landmarks[:, :2]
    eyes = [(points[a] + points[b]) / 2 for a, b in ((33, 133), (362, 263))]
    width = float(np.linalg.norm(points[263] - points[33]))
    rgb, thick = portrait.rgb.copy(), max(1, round(0.03 * width))
    for x, y in eyes:
        cv2.circle(rgb, (int(x), int(y)), int(0.22 * width), colour, thick, cv2.LINE_AA)
    inward = (eyes[1] - eyes[0]) / np.linalg.norm(eyes[1] - eyes[0]) * 0.22 * width
    ends = [tuple(int(v) for v in end) for end in (eyes[0] + inward, eyes[1] - inward)]
    cv2.line(rgb, ends[0], ends[1], colour, thick, cv2.LINE_AA)
    return Portrait(rgb=rgb, face=portrait.face)


@pytest.mark.parametrize("name", BARE)
def test_dark_frames_are_seen_and_bare_noses_are_not_taken_for_them(name):
    limit = config().limits.max_bridge_line
    bare = portrait_of(name)
    assert measure(bare).bridge_line < limit / 2
    assert measure(with_frame(bare, (25, 25, 30))).bridge_line > limit


def test_light_from_the_side_shows_on_the_cheeks():
    bare = portrait_of("sources/jade_01.jpg")
    shade = np.linspace(1.0, 0.4, bare.rgb.shape[1])[None, :, None]
    before = measure(bare)
    after = measure(Portrait(rgb=(bare.rgb * shade).astype(np.uint8), face=bare.face))
    drop_left = before.left_cheek[0] - after.left_cheek[0]
    drop_right = before.right_cheek[0] - after.right_cheek[0]
    assert drop_right > drop_left + 3


def test_a_face_over_the_edge_of_the_picture_can_be_measured():
    bare = portrait_of("targets/01_hana.jpg")
    x, y, _, _ = (int(value) for value in bare.face.box_px)
    moved = bare.face.landmarks - np.array([x + 40, y + 40, 0], np.float32)
    cut = Portrait(
        rgb=bare.rgb[y + 40 : y + 90, x + 40 : x + 90].copy(), face=replace(bare.face, landmarks=moved)
    )
    assert 0 <= measure(cut).bridge_line < 1


def test_a_noses_shadow_in_the_sun_is_seen_and_light_from_one_side_is_not():
    soft, limit = portrait_of("sources/jade_06.jpg"), config().limits.max_shadow_difference
    assert measure(portrait_of("sources/jade_03.jpg")).shadow - measure(soft).shadow > limit
    shade = np.linspace(1.0, 0.5, soft.rgb.shape[1])[None, :, None]
    aside = Portrait(rgb=(soft.rgb * shade).astype(np.uint8), face=soft.face)
    assert measure(aside).shadow - measure(soft).shadow < limit / 2


def test_teeth_are_seen_where_a_mouth_is_open_and_grey_ones_are_told_from_light_ones():
    closed, smiling = portrait_of("sources/jade_01.jpg"), portrait_of("sources/jade_02.jpg")
    limit = config().limits.min_teeth
    assert measure(closed).teeth == 1.0
    assert measure(smiling).teeth < limit
    inner = np.round(smiling.face.landmarks[list(LIPS_INNER), :2]).astype(np.int32)
    white = smiling.rgb.copy()
    cv2.fillConvexPoly(white, cv2.convexHull(inner), (225, 222, 215))
    assert measure(Portrait(rgb=white, face=smiling.face)).teeth > 0.9


def test_eyes_that_look_apart_are_seen():
    looking = portrait_of("sources/jade_01.jpg")
    limit = config().limits.max_gaze_apart
    assert measure(looking).gaze_apart < limit / 2
    apart = looking.rgb.copy()
    for eye, side in ((mesh.LEFT_EYE, -1), (mesh.RIGHT_EYE, 1)):
        points = looking.face.landmarks[list(eye), :2]
        cv2.fillConvexPoly(apart, cv2.convexHull(np.round(points).astype(np.int32)), (225, 222, 220))
        middle, wide = points.mean(0), np.ptp(points[:, 0])
        x, y = (int(value) for value in middle + np.array([side * 0.25 * wide, 0]))
        cv2.circle(apart, (x, y), max(2, int(0.12 * wide)), (30, 40, 30), -1)
    assert measure(Portrait(rgb=apart, face=looking.face)).gaze_apart > limit
