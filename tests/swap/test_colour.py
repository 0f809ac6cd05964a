import numpy as np

from likeness.images import to_lab
from likeness.swap import colour


def lab(lightness: float, a: float, b: float) -> np.ndarray:
    return np.tile(np.array([lightness, a, b], np.float32), (20, 20, 1))


EVERYWHERE = np.ones((20, 20), bool)


def test_cheeks_get_the_targets_colour_darker_and_lighter():
    for source, target in (((80, 8, 12), (30, 12, 14)), ((45, 14, 22), (82, 6, 9))):
        matched = colour.match_cheeks(lab(*source), lab(*target), EVERYWHERE, EVERYWHERE)
        np.testing.assert_allclose(matched[5, 5], target, atol=6)


def test_lips_stay_redder_than_skin_and_never_turn_blue():
    warm = lab(45, 14, 22)
    warm[:5] = (25, 24, 14)
    matched = colour.match_cheeks(warm, lab(82, 6, 9), EVERYWHERE, EVERYWHERE)
    lips, skin = matched[2, 2], matched[15, 15]
    assert lips[1] > skin[1]
    assert lips[2] > 0


def test_black_and_white_pictures_give_finite_colours():
    for light in (0.0, 100.0):
        matched = colour.match_cheeks(lab(light, 0, 0), lab(100 - light, 0, 0), EVERYWHERE, EVERYWHERE)
        assert np.isfinite(matched).all()


def test_the_targets_side_light_is_taken_over():
    flat = lab(60, 8, 12)
    sided = flat.copy()
    sided[:, :10, 0], sided[:, 10:, 0] = 70, 50
    shaded = colour.match_shading(flat, sided, EVERYWHERE, EVERYWHERE, 20.0)
    assert shaded[10, 1, 0] > shaded[10, 18, 0] + 5


def test_the_whites_of_the_eyes_do_not_get_dark_skins_colour():
    source, target = lab(80, 8, 12), lab(30, 12, 14)
    eyes = np.zeros((20, 20), bool)
    eyes[6:14, 4:16] = True
    source[eyes] = (90, 0, 2)
    target[eyes] = (80, 0, 2)
    skin = ~eyes
    matched = colour.match_cheeks(source, target, skin, skin)
    kept = colour.keep_eyes(matched, source, target, eyes, eyes, 20.0)
    assert kept[10, 10, 0] > matched[10, 10, 0] + 20
    np.testing.assert_allclose(kept[0, 0], matched[0, 0], atol=0.5)


def test_lab_and_back_is_the_same_picture():
    rgb = np.random.default_rng(3).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    np.testing.assert_allclose(colour.to_rgb(to_lab(rgb)) * 255, rgb, atol=1)
