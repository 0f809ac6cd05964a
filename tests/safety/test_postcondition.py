"""A swap is refused unless it shows the persona, no longer the target, and nothing explicit."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from swap_portraits import face

from likeness.errors import InputError
from likeness.faces.stance import Stance
from likeness.safety.floors import IdentityLimits, ResnetLimits, SFaceLimits
from likeness.safety.identity import RESNET, SFACE
from likeness.safety.postcondition import judge_place, judge_swap, measure_swap, refuse_other_picture

LIMITS = IdentityLimits(
    sface=SFaceLimits(swap_min=0.65, target_max=0.8), resnet=ResnetLimits(swap_max=0.6, target_min=0.4)
)
PERSONA, TARGET, OTHER = np.eye(3, 128, dtype=np.float32)
PICTURE = np.zeros((320, 320, 3), np.uint8)


class Sees:
    """Finds the same faces in every picture."""

    def __init__(self, *faces):
        self.found = list(faces)

    def faces(self, rgb):
        return self.found

    def identified(self, rgb, face):
        return face

    def years(self, rgb, face):
        return 30.0


class Rates:
    """Gives every picture the same score."""

    def __init__(self, score):
        self.score = score

    def explicit(self, rgb):
        return self.score


def embedding(persona: float, target: float) -> np.ndarray:
    """A unit vector with these cosines to the two."""
    rest = np.sqrt(max(0.0, 1 - persona**2 - target**2))
    return persona * PERSONA + target * TARGET + rest * OTHER


def measured(*faces, score=0.01, where=None):
    sees = Sees(*faces)
    return measure_swap(PICTURE, where or face(), analyzer=sees, ages=sees, rater=Rates(score))


def judged(persona: float, target: float, limits=LIMITS, *, to_persona=0.3, to_target=0.7):
    """The scores of a result with these cosines, and these distances to the resnet, which sees the three on a line."""
    near, far = (
        {SFACE: PERSONA, RESNET: np.float32([0])},
        {SFACE: TARGET, RESNET: np.float32([to_persona + to_target])},
    )
    face = {SFACE: embedding(persona, target), RESNET: np.float32([to_persona])}
    return judge_swap(face, persona=near, target=far, limits=limits)


def refusal(persona: float, target: float, limits=LIMITS, **distances: float) -> str:
    """Why a result with these cosines is refused."""
    with pytest.raises(InputError) as caught:
        judged(persona, target, limits, **distances)
    assert caught.value.kind == "refused"
    assert caught.value.remedy
    return caught.value.reason


def test_the_persona_passes_with_both_scores():
    scores = judged(0.7, 0.6)
    assert scores == pytest.approx({"to_persona": 0.7, "to_target": 0.6}, abs=1e-4)


@pytest.mark.parametrize(("persona", "target"), [(0.64, 0.2), (0.0, 1.0)])
def test_another_face_is_refused(persona, target):
    assert refusal(persona, target) == "swap-not-the-persona"


def test_an_unswapped_lookalike_is_refused_although_it_is_near_the_persona():
    lenient = replace(LIMITS, sface=SFaceLimits(swap_min=0.4, target_max=0.8))
    assert refusal(0.5, 0.85, lenient) == "swap-still-the-target"


@pytest.mark.parametrize(
    ("distances", "reason"),
    [({"to_persona": 0.61}, "swap-not-the-persona"), ({"to_target": 0.39}, "swap-still-the-target")],
)
def test_the_second_embedder_must_agree(distances, reason):
    assert refusal(0.9, 0.1, **distances) == reason


@pytest.mark.parametrize(
    "limits",
    [
        replace(LIMITS, sface=SFaceLimits(swap_min=float("nan"), target_max=0.8)),
        replace(LIMITS, sface=SFaceLimits(swap_min=0.65, target_max=float("nan"))),
        replace(LIMITS, resnet=ResnetLimits(swap_max=float("nan"))),
        replace(LIMITS, resnet=ResnetLimits(target_min=float("nan"))),
    ],
)
def test_a_threshold_that_is_no_number_refuses(limits):
    assert refusal(0.7, 0.2, limits).startswith("swap-")


def test_a_result_without_a_face_is_refused():
    with pytest.raises(InputError) as caught:
        measured()
    assert caught.value.reason == "swap-no-face"


def test_a_face_elsewhere_in_the_picture_is_not_the_swapped_one():
    bystander = face(box_px=(0.0, 0.0, 90.0, 85.0))
    with pytest.raises(InputError) as caught:
        measured(bystander)
    assert caught.value.reason == "swap-no-face"
    larger = face(box_px=(230.0, 0.0, 90.0, 320.0))
    swapped = face(box_px=(102.0, 88.0, 118.0, 142.0), embedding=PERSONA)
    assert measured(larger, bystander, swapped).face is swapped


def test_the_score_and_the_age_are_measured_for_the_gates():
    found = measured(face(), score=0.69)
    assert (found.explicit, found.age_years) == (0.69, 30.0)


def at(x: float, y: float, **changes):
    """A face whose eyes are 60 px apart, its mouth at (x, y)."""
    points5 = np.float32([[70, 100], [130, 100], [100, 130], [x - 20, y], [x + 20, y]])
    return replace(face(), **({"points5": points5, "landmark_score": 0.99, "roll_deg": 0.0} | changes))


def scene() -> np.ndarray:
    """A portrait's surroundings: a blue shirt below, a green wall."""
    picture = np.full((320, 320, 3), (120, 160, 130), np.uint8)
    picture[240:] = (40, 60, 160)
    return picture


def test_the_targets_picture_with_another_face_passes():
    result = np.clip(scene() * 1.05, 0, 255).astype(np.uint8)  # a provider may give it a little more light
    left, top, wide, high = (int(value) for value in face().box_px)
    result[top : top + high, left : left + wide] = 0
    refuse_other_picture(result, scene(), face())


@pytest.mark.parametrize(
    "result", [scene()[..., ::-1], scene() // 8, 255 - scene(), scene()[::-1], np.full((320, 320, 3), 200, np.uint8)],
    ids=["red and blue exchanged", "nearly black", "a negative", "on its head", "another picture"],
)  # fmt: skip
def test_a_result_that_is_not_the_targets_picture_beyond_the_face_is_refused(result):
    with pytest.raises(InputError) as caught:
        refuse_other_picture(result, scene(), face())
    assert caught.value.reason == "swap-other-picture"
    assert caught.value.kind == "refused"
    assert "15 allowed" in caught.value.message


def test_a_face_that_fills_the_picture_leaves_nothing_to_compare():
    whole = replace(face(), box_px=np.float32([0, 0, 320, 320]))
    refuse_other_picture(scene()[::-1], scene(), whole)


def test_a_face_on_the_targets_passes():
    judge_place(at(105, 165, roll_deg=-4.0), at(100, 160, roll_deg=2.0))
    judge_place(at(100, 160, roll_deg=-178.0), at(100, 160, roll_deg=179.0))


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (at(100, 160, landmark_score=0.3), "swap-no-landmarks"),
        (at(100, 160, roll_deg=175.0), "swap-not-upright"),
        (at(100, 160, roll_deg=float("nan")), "swap-not-upright"),
        (at(100, 60), "swap-mouth-elsewhere"),
        (at(128, 160), "swap-mouth-elsewhere"),
    ],
)
def test_a_face_that_does_not_lie_on_the_targets_is_refused(result, reason):
    with pytest.raises(InputError) as caught:
        judge_place(result, at(100, 160))
    assert caught.value.reason == reason
    assert caught.value.kind == "refused"


def test_a_second_face_where_the_targets_was_is_refused():
    x, y, width, height = face().box_px
    second = replace(face(), box_px=(x, y + height / 3, width, height))
    with pytest.raises(InputError) as caught:
        measured(face(), second)
    assert caught.value.reason == "swap-two-faces"


@pytest.mark.parametrize("turns", [0, 2])
def test_an_uncertain_face_is_looked_at_in_all_ways(turns):
    doubtful = replace(face(), embedding_length=7.0)
    sees = Sees(doubtful)
    sees.stances = lambda rgb, faces: [Stance(turns, False)]
    run = partial(measure_swap, PICTURE, face(), analyzer=sees, ages=sees, rater=Rates(0.01))
    if turns == 0:
        assert run().face is doubtful
        return
    with pytest.raises(InputError) as caught:
        run()
    assert caught.value.reason == "swap-not-upright"
