"""The settings of training and base: what cannot work is refused before anything runs."""

import pytest
from lora_runs import base_config, train_config
from pydantic import ValidationError


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"steps": 0}, "steps"),
        ({"batch_size": 0}, "batch_size"),
        ({"targets": []}, "targets"),
        ({"warmup_steps": 6}, "warmup_steps 6 leaves nothing"),
        ({"side_px": 100}, "not a multiple"),
        ({"epochs": 0}, "epochs"),
        ({"epoch": 3}, "epoch"),
        ({"min_snr_gamma": 0}, "min_snr_gamma"),
        ({"weighting": "snr"}, "weighting"),
        ({"noise_offset": -0.1}, "noise_offset"),
        ({"huber_c": 0}, "huber_c"),
        ({"outside_weight": 1.5}, "outside_weight"),
        ({"prior_weight": 0}, "prior_weight"),
    ],
)
def test_settings_that_cannot_work_are_named(change, word):
    with pytest.raises(ValidationError, match=word):
        train_config(**change)


@pytest.mark.parametrize("change", [{"source": "random", "seed": None}, {"source": "some/model", "seed": 0}])
def test_a_seed_belongs_to_the_random_base_only(change):
    with pytest.raises(ValidationError, match="seed"):
        base_config(**change)
