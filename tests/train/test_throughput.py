"""Speed counts training only; hours and cost count all, from the run's first start."""

import pytest
import torch

from likeness.train.native import throughput as meter
from likeness.train.native.throughput import Throughput


def test_what_is_done_aside_costs_but_does_not_slow(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(meter.time, "monotonic", lambda: now[0])
    device = torch.device("cpu")
    measured = Throughput(device, images_per_step=8, usd_per_hour=3.6, seconds=1800.0)
    now[0] += 10
    with measured.aside():
        now[0] += 1790
    read = measured.read(5)
    assert read["images_per_s"] == pytest.approx(4.0)  # 5 steps of 8 images in 10 s
    assert read["hours"] == pytest.approx(1.0)
    assert read["cost_usd"] == pytest.approx(3.6)
    assert 0 < read["peak_memory_gib"] < 1000
    now[0] += 20
    assert measured.read(5)["images_per_s"] == pytest.approx(2.0)
    assert "cost_usd" not in Throughput(device, images_per_step=1, usd_per_hour=None, seconds=0.0).read(1)
