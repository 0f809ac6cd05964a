"""Bases that predict a flow: how its times are drawn, and how far they are shifted."""

import pytest
import torch
from lora_runs import train_config

from likeness.diffusion.noise import Flow

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("timesteps", "shift", "expected"),
    [
        ("uniform", 1.0, [0.25, 0.5, 0.841345]),
        # 3 t / (1 + 2 t)
        ("uniform", 3.0, [0.5, 0.75, 0.940860]),
        # the logistic function of the normal quantiles -.674490, 0 and 1
        ("logit_normal", 1.0, [0.337492, 0.5, 0.731059]),
        ("logit_normal", 3.0, [0.604469, 0.75, 0.890768]),
    ],
)
def test_times_are_the_quantiles_of_the_papers(timesteps, shift, expected):
    positions = torch.tensor([0.25, 0.5, 0.841345])
    assert Flow(timesteps, shift, CPU).at(positions).tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("timesteps", ["uniform", "logit_normal"])
def test_times_are_drawn_as_they_are_spread(timesteps):
    flow = Flow(timesteps, 3.0, CPU)
    drawn = flow.draw(20_000, torch.Generator().manual_seed(1)).sort().values
    assert 0 <= drawn.min() < drawn.max() <= 1
    for share in (0.1, 0.5, 0.9):
        wanted = flow.at(torch.tensor([share])).item()
        assert drawn[int(share * len(drawn))].item() == pytest.approx(wanted, abs=0.01)


def test_a_flow_runs_straight_from_the_picture_to_the_noise():
    flow, latents, noise = (
        Flow("uniform", 1.0, CPU),
        torch.full((2, 1, 1, 1), 4.0),
        torch.full((2, 1, 1, 1), -2.0),
    )
    times = torch.tensor([0.25, 1.0])
    assert flow.noisy(latents, noise, times).flatten().tolist() == [2.5, -2.0]
    assert flow.target(latents, noise, times).flatten().tolist() == [-6.0, -6.0]
    assert flow.weights(times).tolist() == [1.0, 1.0]


def test_a_flow_is_shifted_as_far_as_the_scheduler_does_unless_told(fresh):
    base = fresh("zimage")
    assert base.process(train_config("zimage", timestep_shift=None).objective).shift == 6.0
    assert base.process(train_config("zimage").objective).shift == 2.0
