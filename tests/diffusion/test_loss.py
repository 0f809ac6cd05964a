"""The objective against values worked out by hand."""

import math

import pytest
import torch
from lora_runs import train_config

from likeness.diffusion.loss import offset_noise, timestep_weights, weighted_loss
from likeness.diffusion.noise import Diffusion
from likeness.train.native.schedule import learning_rate

# SNR = a / (1 - a): 9, 4, 1, 1/4.
ALPHAS = torch.tensor([0.9, 0.8, 0.5, 0.2])


def process(alphas, prediction):
    return Diffusion(alphas, prediction, train_config().objective)


@pytest.mark.parametrize(
    ("weighting", "prediction", "gamma", "expected"),
    [
        ("min_snr", "epsilon", 5.0, [5 / 9, 1.0, 1.0, 1.0]),
        ("min_snr", "epsilon", 1.0, [1 / 9, 1 / 4, 1.0, 1.0]),
        ("min_snr", "v_prediction", 5.0, [5 / 10, 4 / 5, 1 / 2, 0.25 / 1.25]),
        ("debiased", "epsilon", 5.0, [1 / 3, 1 / 2, 1.0, 2.0]),
        ("debiased", "v_prediction", 5.0, [1 / 10, 1 / 5, 1 / 2, 1 / 1.25]),
        ("none", "epsilon", 5.0, [1.0] * 4),
    ],
)
def test_weights_are_those_of_the_papers(weighting, prediction, gamma, expected):
    assert timestep_weights(ALPHAS, weighting, prediction, gamma=gamma).tolist() == pytest.approx(expected)


def test_a_schedule_that_ends_without_signal_has_finite_weights():
    last = torch.tensor([0.0])
    assert timestep_weights(last, "min_snr", "epsilon", gamma=5.0).tolist() == [1.0]
    assert timestep_weights(last, "min_snr", "v_prediction", gamma=5.0).tolist() == [0.0]
    assert timestep_weights(last, "debiased", "v_prediction", gamma=5.0).tolist() == [1.0]


def test_at_zero_terminal_snr_v_asks_for_the_image_alone():
    # a = 0: x_t is the noise, and v is -x_0 (Lin et al., arXiv 2305.08891, section 3.1).
    latents, noise = torch.full((1, 1, 1, 1), 2.0), torch.full((1, 1, 1, 1), 10.0)
    v, last = process(torch.tensor([0.64, 0.0]), "v_prediction"), torch.tensor([1])
    assert v.noisy(latents, noise, last).item() == 10
    assert v.target(latents, noise, last).item() == -2


def test_cells_weigh_within_a_picture():
    # Errors 1 and 4, counted 0.5 and 1.5: (0.5 + 6) / 2.
    predicted, cells = torch.tensor([[[[1.0, 2.0]]]]), torch.tensor([[[[0.5, 1.5]]]])
    loss = weighted_loss(predicted, torch.zeros(1, 1, 1, 2), torch.ones(1), huber_c=None, cells=cells)
    assert loss.item() == pytest.approx(3.25)


def test_v_gives_back_image_and_noise():
    # x_0 = sqrt(a) x_t - sqrt(1-a) v and noise = sqrt(1-a) x_t + sqrt(a) v (arXiv 2202.00512, appendix D).
    latents, noise = torch.full((1, 1, 1, 1), 2.0), torch.full((1, 1, 1, 1), 10.0)
    alphas, step = torch.tensor([0.64]), torch.tensor([0])
    noisy = process(alphas, "v_prediction").noisy(latents, noise, step)
    v = process(alphas, "v_prediction").target(latents, noise, step)
    assert v.item() == pytest.approx(0.8 * 10 - 0.6 * 2)
    assert (0.8 * noisy - 0.6 * v).item() == pytest.approx(2.0)
    assert (0.6 * noisy + 0.8 * v).item() == pytest.approx(10.0)
    assert process(alphas, "epsilon").target(latents, noise, step) is noise


def test_offset_noise_moves_whole_channels():
    noise = torch.zeros(3, 4, 8, 8)
    moved = offset_noise(noise, 0.5, torch.Generator().manual_seed(1))
    assert moved.std(dim=(2, 3)).max() == 0
    drawn = torch.randn((3, 4, 1, 1), generator=torch.Generator().manual_seed(1))
    assert torch.equal(moved[..., :1, :1], 0.5 * drawn)
    assert offset_noise(noise, 0.0, torch.Generator()) is noise


def test_pseudo_huber_is_square_near_zero_and_linear_far_away():
    wanted, weights = torch.zeros(1, 1, 1, 1), torch.ones(1)

    def error(d):
        return weighted_loss(wanted + d, wanted, weights, huber_c=0.1).item()

    assert error(1e-3) == pytest.approx(1e-6, rel=1e-2)
    assert error(0.3) == pytest.approx(0.2 * (math.sqrt(0.09 + 0.01) - 0.1))
    assert error(1000.0) == pytest.approx(0.2 * 1000, rel=1e-3)


def test_noise_is_added_with_the_schedules_share():
    latents, noise = torch.full((2, 1, 1, 2), 2.0), torch.full((2, 1, 1, 2), 10.0)
    noisy = process(torch.tensor([1.0, 0.64]), "epsilon").noisy(latents, noise, torch.tensor([0, 1]))
    assert noisy[0].flatten().tolist() == [2.0, 2.0]
    assert noisy[1].flatten().tolist() == pytest.approx([0.8 * 2 + 0.6 * 10] * 2)


def test_the_loss_weighs_each_sample_by_itself():
    predicted, noise = torch.zeros(2, 1, 2, 2), torch.ones(2, 1, 2, 2)
    noise[1] *= 3
    loss = weighted_loss(predicted, noise, torch.tensor([1.0, 0.5]), huber_c=None)
    assert loss.item() == pytest.approx((1 * 1 + 0.5 * 9) / 2)


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
    assert [learning_rate(cfg.schedule, 0.1, step) / 0.1 for step in range(6)] == pytest.approx(expected)


def test_cosine_starts_again_at_the_full_rate():
    cfg = train_config(steps=10, warmup_steps=2, lr=0.1, lr_schedule="cosine", lr_cycles=2)
    down = [1.0, 0.5 + 0.25 * 2**0.5, 0.5, 0.5 - 0.25 * 2**0.5]
    rates = [learning_rate(cfg.schedule, 0.1, step) / 0.1 for step in range(10)]
    assert rates == pytest.approx([0.5, 1.0, *down, *down])
    with pytest.raises(ValueError, match="only lr_schedule cosine"):
        train_config(lr_schedule="linear", lr_cycles=2)
