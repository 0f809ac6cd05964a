"""Every optimizer resumes bit for bit, and a file gets the weights its method means."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import torch
from lora_runs import Stop, run_in, stop_at, train_config
from torch.nn import Parameter

from likeness.config import load_config
from likeness.errors import ConfigError
from likeness.train.config import OptimizerConfig
from likeness.train.native.optimizer import (
    Average,
    build_optimizer,
    finished,
    optimizer_class,
    optimizer_tensors,
    restore_optimizer,
    state_bytes,
)

SETTINGS = {
    "adamw": {},
    "adafactor": {"lr": 1e-2},
    "lion": {"lr": 1e-3},
    "prodigy": {"lr": 1.0},
    "schedule_free": {"lr_schedule": "constant"},
}
CPU = torch.device("cpu")
# What an optimizer keeps does not depend on how many layers learn.
FEW_LAYERS = {"targets": ["to_q", "conv1"]}


def named(target: str, **options: object) -> OptimizerConfig:
    return train_config().optimizer.model_copy(update={"target": target, "options": options})


# The loop saves and restores every optimizer alike; what only some keep is held below, without training.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name, marks=pytest.mark.slow if name == "adamw" else (pytest.mark.slow, pytest.mark.long)
        )
        for name in SETTINGS
    ],
)
def test_a_resumed_run_equals_an_uninterrupted_one_with_every_optimizer(tmp_path, folder, name):
    short = {"steps": 4, "checkpoint_every_steps": 2, "weights_every_steps": 1, "log_every_steps": 1}
    cfg = train_config(optimizer=name, ema=0.5, **FEW_LAYERS, **short, **SETTINGS[name])
    whole = run_in(tmp_path / "whole", folder, cfg)
    with pytest.raises(Stop):
        run_in(tmp_path / "cut", folder, cfg, on_window=stop_at(3))
    resumed = run_in(tmp_path / "cut", folder, cfg)
    assert resumed.trained.resumed_from == 2
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
            tmp_path / str(changes),
            folder,
            train_config(lr_schedule="constant", steps=2, **FEW_LAYERS, **changes),
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


@pytest.mark.parametrize(
    ("name", "most"), [("adamw", 8), ("adafactor", 0), ("lion", 4), ("prodigy", 16), ("schedule_free", 8)]
)
def test_the_memory_of_its_state_is_measured(name, most):
    # Two averages; rows and columns; one average; four tensors; a point and an average. Numbers of a step beside them.
    cfg = train_config(optimizer=name, **SETTINGS[name]).optimizer
    assert state_bytes(cfg, CPU) == pytest.approx(most, abs=0.05)


def test_an_optimizer_more_is_one_file():
    cfg = named("torch.optim.NAdam", decoupled_weight_decay=True)
    assert type(build_optimizer({"a": Parameter(torch.ones(1))}, cfg)) is torch.optim.NAdam
    assert state_bytes(cfg, CPU) == pytest.approx(8, abs=0.05)


def test_betas_and_weight_decay_reach_those_that_have_them():
    parameters = {"a": Parameter(torch.ones(1))}
    group = build_optimizer(parameters, named("torch.optim.NAdam")).param_groups[0]
    assert (group["betas"], group["weight_decay"], group["lr"]) == ((0.9, 0.999), 0.01, 3e-3)
    assert "betas" not in build_optimizer(parameters, named("torch.optim.SGD")).param_groups[0]


@pytest.mark.parametrize(
    "target",
    [
        "numpy.load",
        "os.system",
        "builtins.eval",
        "torch.load",
        "torch.optim.lr_scheduler.StepLR",
        "Adam",
        "",
        "torch.optim.",
    ],
)
def test_what_is_not_registered_is_refused_before_it_is_imported(target):
    with pytest.raises(ConfigError) as caught:
        optimizer_class(target)
    assert caught.value.reason == "unregistered-provider"


def test_params_that_name_something_else_are_refused(tmp_path):
    text = Path("params.yaml").read_text()
    assert "torch.optim.AdamW" in text
    (tmp_path / "params.yaml").write_text(text.replace("torch.optim.AdamW", "numpy.load"))
    with pytest.raises(ConfigError, match=r"train\.optimizer\._target_: 'numpy.load' is not an optimizer"):
        load_config(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    "target", ["torch.optim.lr_scheduler", "torch.optim.no_such", "schedulefree.ScheduleFreeWrapper"]
)
def test_what_is_no_optimizer_is_refused(target):
    with pytest.raises(ConfigError, match=r"not a torch\.optim\.Optimizer"):
        optimizer_class(target)


@pytest.mark.parametrize(
    ("cfg", "words"),
    [
        (named("torch.optim.AdamW", fusd=True), "fusd"),
        (named("torch.optim.AdamW", eps=-1.0), "eps"),
        (named("torch.optim.LBFGS"), "closure"),
        (named("torch.optim.SparseAdam"), "dense gradients"),
        (named("torch.optim.Optimizer"), "defaults"),
    ],
)
def test_what_cannot_be_stepped_is_refused_with_its_reason(cfg, words):
    with pytest.raises(ConfigError, match=words) as caught:
        state_bytes(cfg, CPU)
    assert "conf/train/optimizer/" in caught.value.remedy


def test_another_package_registers_its_optimizers(monkeypatch):
    point = EntryPoint(name="optimizer.own", value="torch.optim.sgd:SGD", group="likeness.providers")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point])
    assert optimizer_class("torch.optim.sgd.SGD") is torch.optim.SGD


def test_an_optimizer_whose_package_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "lion_pytorch", None)
    with pytest.raises(ConfigError, match="lion_pytorch") as caught:
        build_optimizer({"a": Parameter(torch.ones(1))}, train_config(optimizer="lion").optimizer)
    assert "likeness[optimizers]" in caught.value.remedy
