"""The objective against values worked out by hand."""

import math

import pytest
import torch
from lora_runs import train_config

from likeness.lora.loss import min_snr_weights, noise_loss, noisy_latents
from likeness.lora.schedule import learning_rate


def test_min_snr_weights_are_those_of_the_paper():
    # SNR = a / (1 - a): 9, 4, 1, 1/4, 0.
    alphas = torch.tensor([0.9, 0.8, 0.5, 0.2, 0.0])
    assert min_snr_weights(alphas, 5.0).tolist() == pytest.approx([5 / 9, 1.0, 1.0, 1.0, 1.0])
    assert min_snr_weights(alphas, 1.0).tolist() == pytest.approx([1 / 9, 1 / 4, 1.0, 1.0, 1.0])
    assert min_snr_weights(alphas, None).tolist() == [1.0] * 5


def test_noise_is_added_with_the_schedules_share():
    latents, noise = torch.full((2, 1, 1, 2), 2.0), torch.full((2, 1, 1, 2), 10.0)
    noisy = noisy_latents(latents, noise, torch.tensor([1.0, 0.64]), torch.tensor([0, 1]))
    assert noisy[0].flatten().tolist() == [2.0, 2.0]
    assert noisy[1].flatten().tolist() == pytest.approx([0.8 * 2 + 0.6 * 10] * 2)


def test_the_loss_weighs_each_sample_by_itself():
    predicted, noise = torch.zeros(2, 1, 2, 2), torch.ones(2, 1, 2, 2)
    noise[1] *= 3
    assert noise_loss(predicted, noise, torch.tensor([1.0, 0.5])).item() == pytest.approx(
        (1 * 1 + 0.5 * 9) / 2
    )


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [0.5, 1.0, 1.0, 1.0, 1.0, 1.0]),
        ("linear", [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]),
        ("cosine", [0.5, 1.0, 1.0, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2]),
    ],
)
def test_the_rate_warms_up_and_decays(schedule, expected):
    cfg = train_config(steps=6, warmup_steps=2, lr=0.1, lr_schedule=schedule)
    assert [learning_rate(cfg, step) / 0.1 for step in range(6)] == pytest.approx(expected)
