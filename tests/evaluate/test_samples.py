"""What is drawn, and what becomes of it."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import ValidationError

from likeness.errors import InputError
from likeness.evaluate import EvaluateConfig
from likeness.evaluate.samples import (
    IMAGE,
    Limits,
    drawn_pairs,
    finished_sample,
    lora_effect,
    mean_difference,
    plan_samples,
)
from likeness.images import decode_rgb
from likeness.marks.xmp import SourceType, find_code
from likeness.setting_problems import names_in, setting_problems

NOBODY = SimpleNamespace(ages=lambda rgb: [])
LIMITS = Limits(review_explicit=0.3, max_explicit=0.7)
RGB = np.full((16, 16, 3), 120, np.uint8)
OPTIONS = {
    "prompts": ["{trigger} {class_word}, a portrait", "a {class_word}"],
    "negative_prompt": "",
    "seeds": [1, 2],
    "steps": 2,
    "guidance_scale": 1.0,
    "lora_scale": 1.0,
    "strengths": (),
    "checkpoints": False,
    "side_px": 64,
    "jpeg_quality": 90,
    "arms": ["base", "lora"],
    "ip_adapter": None,
    "checkpoint_seeds": 1,
    "yaw_edges_deg": [15, 30],
    "face_edges_px": [64],
    "false_accept_rate": 0.01,
    "max_failure_ratio": 0.5,
    "cell_px": 64,
}


def test_every_prompt_and_seed_is_drawn_with_and_without():
    planned = plan_samples("jade", ["a", "b"], [1, 7])
    assert len({one.id for one in planned}) == 8
    pictures = {one.id: one for one in planned}
    pairs = drawn_pairs(planned, pictures)
    assert len(pairs) == 4
    for without, with_lora in pairs:
        assert (without.prompt, without.seed) == (with_lora.prompt, with_lora.seed)
        assert (without.lora, with_lora.lora) == (False, True)


BLACK, WHITE = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)


def test_black_and_white_differ_by_everything_in_both_directions():
    assert mean_difference(BLACK, WHITE) == mean_difference(WHITE, BLACK) == 255.0


def test_the_effect_is_the_mean_over_pairs_of_which_both_were_drawn():
    planned = plan_samples("jade", ["a"], [1, 2])
    names = [one.id for one in planned]
    assert lora_effect(planned, dict(zip(names, (BLACK, WHITE, WHITE, WHITE), strict=True))) == 127.5
    assert lora_effect(planned, dict(zip(names[2:], (WHITE, WHITE), strict=True))) == 0.0
    assert lora_effect(planned, {names[0]: BLACK}) is None


def test_a_sample_is_marked_as_drawn_by_a_network():
    made = finished_sample(RGB, lambda rgb: 0.1, NOBODY, LIMITS, quality=90)
    assert find_code(made.files[IMAGE]) == SourceType.TRAINED
    assert decode_rgb(made.files[IMAGE]).shape == (16, 16, 3)
    assert made.record["rating"] == "sfw"
    assert finished_sample(RGB, lambda rgb: 0.5, NOBODY, LIMITS, quality=90).record["rating"] == "review"


@pytest.mark.parametrize("score", [0.7, 1.0, math.nan])
def test_an_explicit_or_unrated_sample_is_refused(score):
    with pytest.raises(InputError) as caught:
        finished_sample(RGB, lambda rgb: score, NOBODY, LIMITS, quality=90)
    assert (caught.value.reason, caught.value.kind) == ("explicit", "refused")


def test_prompts_that_name_the_person_and_their_twins_without_the_name_are_known():
    options = EvaluateConfig(
        **{**OPTIONS, "prompts": ["{trigger} {class_word}, a", "a {class_word}, a", "{trigger}, b"]}
    )
    assert options.named_prompts("jade", "woman") == ["jade woman, a", "jade, b"]
    assert options.twin_prompts("jade", "woman") == [("jade woman, a", "a woman, a")]


@pytest.mark.parametrize(
    "prompt",
    ["{trigger:>99999999}", "{trigger!r}", "{trigger[0]}aked", "{trigger.__class__}", "{0}", "{}", "{{trigger}}", "a { b", "a } b"],
)  # fmt: skip
def test_a_prompt_computes_nothing(prompt):
    """A field of Python's format: a letter of the word, its class, a gigabyte of spaces."""
    with pytest.raises(ValueError, match=r"prompts: in braces .* may hold trigger or class_word only"):
        EvaluateConfig(**{**OPTIONS, "prompts": [prompt]})


def test_prompts_take_the_personas_words():
    assert EvaluateConfig(**OPTIONS).drawn_prompts("jade", "woman") == ["jade woman, a portrait", "a woman"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("prompts", ["a {nobody}"]),
        ("prompts", ["a {"]),
        ("prompts", ["a", "a"]),
        ("seeds", [1, 1]),
        ("yaw_edges_deg", [30, 15]),
        ("yaw_edges_deg", [90]),
        ("face_edges_px", [64, 64]),
        ("arms", ["base"]),
        ("false_accept_rate", 0.5),
        ("side_px", 65),
    ],
)
def test_settings_that_cannot_be_drawn_are_refused(key, value):
    with pytest.raises(ValidationError) as caught:
        EvaluateConfig(**{**OPTIONS, key: value})
    (said,) = setting_problems(caught.value, names_in(EvaluateConfig))
    assert said.startswith(f"{key}:")  # of whichever setting it is
