import time
from dataclasses import replace

import numpy as np
import pytest
from swap_portraits import ANALYZER, local_swapper, persona, portrait_of

from likeness.errors import InputError
from likeness.faces import mesh, similarity
from likeness.swap import Portrait, regions

# A light, a dark and a small face; jade_01 is seen from the front.
TARGETS = ["targets/01_hana.jpg", "others/kofi.jpg", "targets/07_leila.jpg"]
SOURCE = "sources/jade_01.jpg"


def outline(portrait: Portrait) -> np.ndarray:
    return regions.oval(portrait.face.landmarks[:, :2].astype(float), portrait.rgb.shape[:2])


@pytest.fixture(scope="module", params=TARGETS)
def swapped(request):
    target = portrait_of(request.param)
    return target, local_swapper().swap(portrait_of(SOURCE), target).rgb


def test_the_result_is_nearer_to_the_persona_and_farther_from_the_target(swapped):
    target, rgb = swapped
    face = ANALYZER.faces(rgb)[0]
    before, after = similarity(target.face.embedding, persona()), similarity(face.embedding, persona())
    assert after > before + 0.1
    assert after > 0.6
    assert similarity(face.embedding, target.face.embedding) < 0.8


def test_nothing_outside_the_targets_outline_changes(swapped):
    target, rgb = swapped
    assert rgb.shape == target.rgb.shape
    assert rgb.dtype == np.uint8
    outside = ~outline(target)
    np.testing.assert_array_equal(rgb[outside], target.rgb[outside])
    assert (rgb[outline(target)] != target.rgb[outline(target)]).any()


def test_the_outline_stays_where_it_was(swapped):
    target, rgb = swapped
    face = ANALYZER.faces(rgb)[0]
    moved = np.linalg.norm((face.landmarks - target.face.landmarks)[list(mesh.FACE_OVAL), :2], axis=1).mean()
    assert moved < 0.05 * target.face.box_px[2]


def test_skin_keeps_the_targets_tone(swapped):
    target, rgb = swapped
    points = target.face.landmarks[:, :2].astype(float)
    cheeks = regions.cheeks(points, rgb.shape[:2])
    difference = np.median(rgb[cheeks], axis=0) - np.median(target.rgb[cheeks], axis=0)
    assert np.abs(difference).max() < 25


def test_no_seam_at_the_edge_of_the_blend(swapped):
    target, rgb = swapped
    points = target.face.landmarks[:, :2].astype(float)
    shape = rgb.shape[:2]
    rim = outline(target) & ~regions.hull(points[list(mesh.FACE_OVAL)], shape, 0.88)
    change = rgb.astype(float).mean(2) - target.rgb.astype(float).mean(2)
    # The step from a pixel to its neighbour that the swap adds: a seam would add tens.
    added = np.abs(np.diff(change, axis=1))[rim[:, 1:]]
    assert np.percentile(added, 95) < 12


def test_the_same_pair_gives_the_same_bytes_and_the_inputs_stay_as_they_were():
    source, target = portrait_of(SOURCE), portrait_of(TARGETS[0])
    before = source.rgb.copy(), target.rgb.copy()
    first, second = (local_swapper().swap(source, target).rgb for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(source.rgb, before[0])
    np.testing.assert_array_equal(target.rgb, before[1])


def test_hair_over_the_targets_face_stays():
    target = portrait_of("others/amara.jpg")
    rgb = local_swapper().swap(portrait_of(SOURCE), target).rgb
    dark = outline(target) & (target.rgb.max(axis=2) < 35)
    brow = target.face.landmarks[:, 1] < target.face.landmarks[list(mesh.LEFT_BROW), 1].min()
    fringe = dark.copy()
    fringe[int(target.face.landmarks[~brow, 1].min()) :] = False
    assert fringe.sum() > 50
    changed = np.abs(rgb.astype(int) - target.rgb.astype(int)).max(axis=2)[fringe]
    assert np.percentile(changed, 90) < 30


def test_a_face_that_reaches_over_the_edge_of_the_picture_can_be_swapped():
    whole = portrait_of(TARGETS[0])
    x, y = int(whole.face.box_px[0] + 15), int(whole.face.box_px[1] - 60)
    shift = np.array([x, y, 0], np.float32)
    face = replace(whole.face, landmarks=whole.face.landmarks - shift)
    cut = Portrait(rgb=np.ascontiguousarray(whole.rgb[y:, x:]), face=face)
    assert local_swapper().swap(portrait_of(SOURCE), cut).rgb.shape == cut.rgb.shape


def test_a_face_outside_the_picture_is_skipped_with_a_reason():
    source, target = portrait_of(SOURCE), portrait_of(TARGETS[0])
    away = replace(target.face, landmarks=target.face.landmarks + np.float32(5000))
    with pytest.raises(InputError) as caught:
        local_swapper().swap(source, Portrait(rgb=target.rgb, face=away))
    assert caught.value.kind == "skipped"
    assert caught.value.remedy


def test_a_pair_takes_less_than_a_second():
    source, target = portrait_of(SOURCE), portrait_of("others/kofi.jpg")
    swapper = local_swapper()
    times_s = []
    for _ in range(3):
        started = time.process_time()
        swapper.swap(source, target)
        times_s.append(time.process_time() - started)
    assert min(times_s) < 1.0
