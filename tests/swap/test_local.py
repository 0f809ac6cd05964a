"""The embedded swap shows the persona in the target's picture, and touches nothing but the face."""

import numpy as np
import pytest

from likeness.errors import InputError
from likeness.faces import FaceAnalyzer, similarity
from likeness.ingest.decode import Limits, decode_photo
from likeness.safety.postcondition import SwapRules, check_swap
from likeness.safety.rating import Rater
from likeness.swap import Portrait
from likeness.swap.local import LocalSwapper

LIMITS = Limits(max_file_mb=50, max_megapixels=64, max_side_px=2048, background_rgb=(255, 255, 255))
SWAPPER = LocalSwapper(outline_falloff=0.55, erode=0.05, feather=0.05)
RULES = {"to_persona_min": 0.6, "to_target_max": 0.8, "review_explicit": 0.3, "max_explicit": 0.7}


@pytest.fixture(scope="module")
def portraits(request):
    from conftest import PHOTOS

    analyzer = FaceAnalyzer()

    def read(path):
        rgb = decode_photo(path, LIMITS).rgb
        return Portrait(rgb=rgb, face=analyzer.faces(rgb)[0])

    names = ("sources/jade_01.jpg", "sources/jade_03.jpg", "targets/07_kofi.jpg", "targets/09_tom.jpg")
    return {name.split("/")[1][:-4]: read(PHOTOS / name) for name in names}


@pytest.mark.parametrize("target", ["07_kofi", "09_tom"])
def test_the_result_is_nearer_to_the_persona_than_the_target_was(portraits, target):
    source, goal = portraits["jade_01"], portraits[target]
    result = SWAPPER.swap(source, goal)
    persona = portraits["jade_03"].face.embedding  # another photo of her: no credit for copied pixels
    face = FaceAnalyzer().faces(result)[0]
    assert similarity(face.embedding, persona) > similarity(goal.face.embedding, persona) + 0.1
    assert similarity(face.embedding, persona) > 0.55


def test_only_the_face_changes(portraits):
    goal = portraits["09_tom"]
    result = SWAPPER.swap(portraits["jade_01"], goal)
    assert result.shape == goal.rgb.shape
    assert result.dtype == np.uint8
    changed = np.argwhere((result != goal.rgb).any(axis=2))
    outline = goal.face.landmarks[:, :2]
    low, high = outline.min(0)[::-1] - 1, outline.max(0)[::-1] + 1
    assert (changed >= low).all()
    assert (changed <= high).all()
    assert len(changed) > 0.3 * np.prod(high - low)


def test_the_skin_takes_the_targets_tone(portraits):
    goal = portraits["07_kofi"]
    result = SWAPPER.swap(portraits["jade_01"], goal)
    x, y = goal.face.landmarks[[50, 280], :2].mean(0).round().astype(int)
    patch = (slice(y - 5, y + 6), slice(x - 25, x + 26))
    assert abs(result[patch].mean() - goal.rgb[patch].mean()) < 40
    assert portraits["jade_01"].rgb[400:900, 400:600].mean() - result[patch].mean() > 40


def test_equal_inputs_give_equal_pixels(portraits):
    pair = portraits["jade_01"], portraits["09_tom"]
    assert (SWAPPER.swap(*pair) == SWAPPER.swap(*pair)).all()


def check(portraits, rgb, **rules):
    target = portraits["09_tom"].face.embedding
    return check_swap(rgb, persona=portraits["jade_03"].face.embedding, target=target,
                      rules=SwapRules(**{**RULES, **rules}), analyzer=FaceAnalyzer(), rater=Rater())  # fmt: skip


def test_a_good_swap_passes_the_postcondition(portraits):
    checked = check(portraits, SWAPPER.swap(portraits["jade_01"], portraits["09_tom"]))
    assert checked.rating == "sfw"
    assert checked.to_persona >= 0.6


def test_an_unswapped_target_is_refused(portraits):
    with pytest.raises(InputError) as caught:
        check(portraits, portraits["09_tom"].rgb)
    assert caught.value.reason == "swap-not-the-persona"
    with pytest.raises(InputError) as caught:
        check(portraits, portraits["09_tom"].rgb, to_persona_min=-1.0)
    assert caught.value.reason == "swap-still-the-target"
    assert caught.value.kind == "refused"


def test_a_result_without_a_face_is_refused(portraits):
    with pytest.raises(InputError) as caught:
        check(portraits, np.full((256, 256, 3), 128, np.uint8))
    assert caught.value.reason == "swap-no-face"


def test_an_explicit_result_is_refused(portraits):
    good = SWAPPER.swap(portraits["jade_01"], portraits["09_tom"])
    with pytest.raises(InputError) as caught:
        check(portraits, good, max_explicit=0.0001, review_explicit=0.00005)
    assert caught.value.reason == "explicit"


@pytest.mark.parametrize("bound", ["to_persona_min", "to_target_max"])
def test_a_threshold_that_is_no_number_refuses(portraits, bound):
    with pytest.raises(InputError):
        check(portraits, SWAPPER.swap(portraits["jade_01"], portraits["09_tom"]), **{bound: float("nan")})
