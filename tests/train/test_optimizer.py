"""Every optimizer resumes bit for bit, and a file gets the weights its method means."""

import pytest
import torch
from lora_runs import Stop, run_in, stop_at, train_config
from torch.nn import Parameter

from likeness.errors import ConfigError
from likeness.train.native import optimizer as subject
from likeness.train.native.optimizer import (
    Average,
    build_optimizer,
    finished,
    optimizer_tensors,
    restore_optimizer,
)

SETTINGS = {
    "adamw": {},
    "adafactor": {"lr": 1e-2},
    "lion": {"lr": 1e-3},
    "prodigy": {"lr": 1.0},
    "schedule_free": {"lr_schedule": "constant"},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_resumed_run_equals_an_uninterrupted_one_with_every_optimizer(tmp_path, folder, name):
    cfg = train_config(optimizer=name, ema=0.5, weights_every_steps=2, **SETTINGS[name])
    whole = run_in(tmp_path / "whole", folder, cfg)
    with pytest.raises(Stop):
        run_in(tmp_path / "cut", folder, cfg, on_window=stop_at(4))
    resumed = run_in(tmp_path / "cut", folder, cfg)
    assert resumed.trained.resumed_from == 3
    assert resumed.sha256 == whole.sha256
    assert resumed.trained.losses == whole.trained.losses


@pytest.mark.parametrize("name", SETTINGS)
def test_every_optimizer_finds_the_minimum_of_a_parabola(name):
    parameters = {"a.lora_A.weight": Parameter(torch.tensor([4.0, -3.0]))}
    changes = {"lr": 0.1} | SETTINGS[name] | ({"lr": 0.05} if name == "lion" else {})
    optimizer = build_optimizer(
        parameters, train_config(optimizer=name, weight_decay=0.0, **changes).optimizer
    )
    for _ in range(600):
        optimizer.zero_grad()
        sum(((parameter - 1) ** 2).sum() for parameter in parameters.values()).backward()
        optimizer.step()
    with finished(parameters, optimizer, None):
        assert parameters["a.lora_A.weight"].tolist() == pytest.approx([1.0, 1.0], abs=0.3)


@pytest.mark.parametrize("name", SETTINGS)
def test_what_a_file_gets_leaves_training_where_it_was(name):
    def taught(peeking):
        parameters = {"a.lora_A.weight": Parameter(torch.tensor([4.0, -3.0]))}
        optimizer = build_optimizer(parameters, train_config(optimizer=name, **SETTINGS[name]).optimizer)
        average = Average(parameters, 0.9)
        for done in range(1, 9):
            optimizer.zero_grad()
            (parameters["a.lora_A.weight"] ** 2).sum().backward()
            optimizer.step()
            average.update(done)
            if peeking:
                with finished(parameters, optimizer, average):
                    pass
        return parameters["a.lora_A.weight"].tolist()

    assert taught(peeking=True) == taught(peeking=False)


def test_the_average_is_that_of_its_formula():
    parameters = {"w": Parameter(torch.tensor([1.0]))}
    average = Average(parameters, 0.5)
    for done, value in ((1, 3.0), (2, 5.0)):
        parameters["w"].data.fill_(value)
        average.update(done)
    # Decays 2/11 and 3/12: 1 -> 2/11 + 9/11 * 3 -> a quarter of that and three quarters of 5.
    assert average.tensors["w"].item() == pytest.approx(0.25 * (2 / 11 + 27 / 11) + 0.75 * 5)
    average.update(10_000)
    assert average.tensors["w"].item() == pytest.approx((0.25 * (29 / 11) + 3.75 + 5) / 2)


def test_a_file_gets_the_average_and_schedule_free_its_own(tmp_path, folder):
    def weights(**changes):
        trained = run_in(
            tmp_path / str(changes), folder, train_config(lr_schedule="constant", **changes)
        ).trained
        return {name: parameter.tolist() for name, parameter in trained.parameters.items()}

    plain = weights()
    assert weights(ema=0.9) != plain
    assert weights(optimizer="schedule_free") != plain


def test_upper_matrices_learn_faster_with_lora_plus():
    parameters = {f"a.lora_{part}.weight": Parameter(torch.ones(2)) for part in "AB"}
    optimizer = build_optimizer(parameters, train_config(lora_plus_ratio=16, weight_decay=0.0).optimizer)
    for group in optimizer.param_groups:
        group["lr"] = 1e-3 * group["lr_ratio"]
    sum(parameter.sum() for parameter in parameters.values()).backward()
    optimizer.step()  # Adam's first step is the rate itself
    lower, upper = (parameters[f"a.lora_{part}.weight"] for part in "AB")
    assert (1 - lower).tolist() == pytest.approx([1e-3] * 2, rel=1e-3)
    assert (1 - upper).tolist() == pytest.approx([16e-3] * 2, rel=1e-3)


def test_numbers_of_the_groups_come_back_as_the_numbers_they_were():
    def stepped(count):
        parameters = {"a": Parameter(torch.tensor([4.0, -3.0]))}
        optimizer = build_optimizer(parameters, train_config(optimizer="prodigy", lr=1.0).optimizer)
        for _ in range(count):
            optimizer.zero_grad()
            (parameters["a"] ** 2).sum().backward()
            optimizer.step()
        return optimizer

    old, new = stepped(5), stepped(0)
    restore_optimizer(new, optimizer_tensors(old))
    kept, again = old.state_dict()["param_groups"][0], new.state_dict()["param_groups"][0]
    assert kept == again
    assert {key: type(value) for key, value in kept.items()} == {
        key: type(value) for key, value in again.items()
    }


def test_an_optimizer_whose_package_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(subject.KINDS, "lion", ("no_such_package.optim", "Lion", {}))
    with pytest.raises(ConfigError, match="no_such_package") as caught:
        build_optimizer({"a": Parameter(torch.ones(1))}, train_config(optimizer="lion").optimizer)
    assert "likeness[optimizers]" in caught.value.remedy
