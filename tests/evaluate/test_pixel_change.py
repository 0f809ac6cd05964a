"""Whether a LoRA changes what is drawn."""

import numpy as np

from likeness.evaluate.pixel_change import lora_effect, mean_difference

BLACK, WHITE = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)


def test_black_and_white_differ_by_everything_in_both_directions():
    assert mean_difference(BLACK, WHITE) == mean_difference(WHITE, BLACK) == 255.0


def test_the_effect_is_the_mean_over_pairs():
    assert lora_effect([(BLACK, WHITE), (WHITE, WHITE)]) == 127.5
    assert lora_effect([(WHITE, WHITE)]) == 0.0
    assert lora_effect([]) is None
