"""Training is a pure function of settings and data: killed or not, the file has the same bytes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import lora_runs
import pytest
import torch
from lora_runs import Stop, make_folder, random_base, run_in, stop_at, train_config
from safetensors.torch import load_file

from likeness.errors import ConfigError, TransientError
from likeness.lora.adapter import remove_lora
from likeness.store.items import ItemStore
from likeness.train.native import loop
from likeness.train.native.cache import encode_examples
from likeness.train.native.data import read_examples
from likeness.train.native.training_loss import Objective

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted run on what `folder` holds; nobody changes it."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("whole")
    return run_in(place, make_folder(place / "lora_training"), train_config())


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """The same run of half the steps; nobody changes it."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("short")
    return run_in(place, make_folder(place / "lora_training"), train_config(steps=3))


def test_the_same_seed_gives_the_same_bytes(tmp_path, folder, whole):
    again = run_in(tmp_path / "again", folder, train_config())
    assert again.sha256 == whole.sha256
    assert again.trained.losses == whole.trained.losses
    assert all(norm > 0 for norm in again.trained.grad_norms)


@pytest.mark.slow
def test_the_loss_on_fixed_noise_falls(tmp_path, folder):
    run = run_in(tmp_path, folder, train_config(steps=40, lr=3e-3, probe_draws=8, rank=8, alpha=8))
    assert run.trained.probe_after < run.trained.probe_before - 0.004


def test_a_base_that_predicts_v_is_asked_for_v(tmp_path, folder, whole):
    base = random_base()
    cfg, store = train_config(), ItemStore(tmp_path / "items")
    data = encode_examples(read_examples(folder), base, cfg, store)
    noise = Objective(base, data, cfg).training_loss(0, 0)[0].item()
    base.pipeline.scheduler.register_to_config(prediction_type="v_prediction")
    objective = Objective(base, data, cfg)
    assert objective.training_loss(0, 0)[0].item() != noise
    # The same weights asked for v err by as much as v is large: about 1, as noise is.
    assert objective.probe() == pytest.approx(whole.trained.probe_before, abs=0.5)


QUICK = [{"lr": 1e-3}, {"weighting": "debiased"}, {"preservation_weight": 1.0}]
OTHERS = [
    {"seed": 43},
    {"weighting": "none"},
    {"noise_offset": 0.1},
    {"huber_c": 0.1},
    {"lr_schedule": "constant"},
    {"gradient_accumulation": 2},
    {"caption_dropout": 0.5},
    {"caption_shuffles": 4, "keep_tokens": 0},
]


@pytest.mark.parametrize(
    "change", [*QUICK, *(pytest.param(change, marks=pytest.mark.slow) for change in OTHERS)]
)
def test_a_setting_that_matters_changes_the_weights_and_the_runs_key(tmp_path, folder, short, change):
    other = run_in(tmp_path / "other", folder, train_config(steps=3, **change))
    assert other.folder.key != short.folder.key
    assert tensors_of(other) != tensors_of(short)


def tensors_of(run):
    return {name: parameter.tolist() for name, parameter in run.trained.parameters.items()}


def test_a_setting_of_the_way_only_keeps_the_runs_key(tmp_path, folder, whole):
    other = run_in(tmp_path / "other", folder, train_config(log_every_steps=1, checkpoint_every_steps=2))
    assert (other.folder.key, other.sha256) == (whole.folder.key, whole.sha256)


def test_a_face_that_counts_more_changes_the_weights(tmp_path, folder, short):
    alike = run_in(tmp_path / "alike", folder, train_config(steps=3, face_weight=4))
    assert tensors_of(alike) == tensors_of(short)  # no face is known
    metadata = folder / "train" / "metadata.jsonl"
    metadata.write_text(metadata.read_text().replace("}", ', "face_box_px": [20, 20, 40, 40]}'))
    known = run_in(tmp_path / "known", folder, train_config(steps=3))
    assert tensors_of(known) == tensors_of(short)
    more = run_in(tmp_path / "more", folder, train_config(steps=3, face_weight=4))
    assert tensors_of(more) != tensors_of(short)


@pytest.mark.slow
def test_captions_are_drawn_again_and_intermediate_weights_stay_after_a_resume(tmp_path, folder):
    cfg = train_config(
        caption_dropout=0.5, caption_shuffles=3, keep_tokens=0, gradient_accumulation=2, weights_every_steps=2
    )
    whole = run_in(tmp_path / "whole", folder, cfg)
    with pytest.raises(Stop):
        run_in(tmp_path / "cut", folder, cfg, on_window=stop_at(4))
    cut = run_in(tmp_path / "cut", folder, cfg)
    assert cut.sha256 == whole.sha256
    files = [{step: path.read_bytes() for step, path in run.folder.weights().items()} for run in (whole, cut)]
    assert list(files[0]) == [2, 4]
    assert files[0] == files[1]


def test_a_resumed_run_ends_with_the_bytes_of_an_uninterrupted_one(tmp_path, folder, whole):
    cfg, hours = train_config(), []

    def on_window(step, values):
        hours.append(values["hours"])
        stop_at(4)(step, values)

    with pytest.raises(Stop):
        run_in(tmp_path / "cut", folder, cfg, on_window=on_window)
    hours.pop()  # of step 4, which was lost
    resumed = run_in(
        tmp_path / "cut", folder, cfg, on_window=lambda step, values: hours.append(values["hours"])
    )
    assert resumed.trained.resumed_from == 3
    assert hours == sorted(hours)
    assert len(hours) == 4
    assert resumed.sha256 == whole.sha256
    assert resumed.trained.losses == whole.trained.losses
    assert resumed.trained.grad_norms == whole.trained.grad_norms
    assert resumed.trained.probe_before == whole.trained.probe_before


def test_noise_and_timesteps_differ_between_steps_and_between_parts_of_a_step(whole):
    seen = []
    base = SimpleNamespace(
        device=whole.base.device, process=whole.base.process, encode_condition=whole.base.encode_condition
    )
    base.predict = lambda noisy, timesteps, condition: seen.append((noisy, timesteps)) or noisy
    objective = Objective(base, whole.set, train_config(gradient_accumulation=3))
    for step, part in ((0, 0), (0, 1), (1, 0), (0, 0)):
        objective.training_loss(step, part)
    assert all(not torch.equal(seen[0][1], timesteps) for _, timesteps in seen[1:3])
    assert torch.equal(seen[0][0], seen[3][0])
    assert torch.equal(seen[0][1], seen[3][1])


def test_a_finished_run_is_not_trained_again(folder, whole):
    again = run_in(whole.folder.folder.parents[1], folder, train_config())
    assert again.trained.resumed_from == 6
    assert again.trained.steps_per_s is None
    assert again.sha256 == whole.sha256


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path, folder, whole):
    command = [sys.executable, lora_runs.__file__, str(tmp_path / "killed"), str(folder), "4", json.dumps({})]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    killed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = run_in(tmp_path / "killed", folder, train_config())
    assert resumed.trained.resumed_from == 3
    assert resumed.sha256 == whole.sha256


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_the_step_and_stops(tmp_path, folder, whole, number):
    def on_window(step, values):
        if step == 2:
            os.kill(os.getpid(), number)

    cfg = train_config(checkpoint_every_steps=100)
    with pytest.raises(TransientError, match="step 3 of 6") as caught:
        run_in(tmp_path / "cut", folder, cfg, on_window=on_window)
    assert "dvc repro" in caught.value.remedy
    resumed = run_in(tmp_path / "cut", folder, cfg)
    assert resumed.trained.resumed_from == 3
    assert resumed.sha256 == whole.sha256


def test_a_diverging_run_stops_before_it_is_saved(tmp_path, folder):
    cfg = train_config(steps=40, lr=0.9, lr_schedule="constant", weight_decay=0.0, divergence_factor=1.2,
                       grad_clip_norm=1e9, checkpoint_every_steps=40)  # fmt: skip
    with pytest.raises(ConfigError, match="diverged") as caught:
        run_in(tmp_path, folder, cfg)
    assert caught.value.reason == "diverged"
    assert not list((tmp_path / "training").rglob("*.safetensors"))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_gradient_that_is_no_number_is_not_saved_though_its_loss_is_one(tmp_path, folder, monkeypatch, bad):
    clip, steps = loop.clip_grad_norm_, []

    def spoilt(parameters, norm):
        parameters = list(parameters)
        steps.append(len(steps) + 1)
        if steps[-1] == 4:
            parameters[0].grad.fill_(bad)
        return clip(parameters, norm)

    monkeypatch.setattr(loop, "clip_grad_norm_", spoilt)
    cfg = train_config(checkpoint_every_steps=2, divergence_factor=1e9)
    with pytest.raises(ConfigError, match="gradient") as caught:
        run_in(tmp_path, folder, cfg)
    (kept,) = (tmp_path / "training").rglob("*.safetensors")
    assert kept.name == "step-00000002.safetensors"
    assert str(kept) in caught.value.message
    assert all(tensor.isfinite().all() for tensor in load_file(kept).values())


def test_buckets_of_several_shapes_are_trained_together(tmp_path):
    folder = make_folder(tmp_path / "set", ((128, 128), (256, 64), (256, 64)), repeats=1)
    run = run_in(tmp_path, folder, train_config(side_px=128, steps=3))
    shapes = {
        tuple(run.set.batch(one, torch.tensor(one.members)).latents.shape) for one in run.set.order.epoch(0)
    }
    assert shapes == {(2, 4, 16, 16), (2, 4, 8, 32)}
    assert len(run.trained.losses) == 3


@pytest.mark.slow
@pytest.mark.long
def test_the_sd15_twin_is_trained_resumed_and_frozen(tmp_path, folder):
    cfg = train_config()
    whole = run_in(tmp_path / "whole", folder, cfg, architecture="sd15")
    with pytest.raises(Stop):
        run_in(tmp_path / "cut", folder, cfg, architecture="sd15", on_window=stop_at(4))
    assert run_in(tmp_path / "cut", folder, cfg, architecture="sd15").sha256 == whole.sha256


@pytest.mark.parametrize("architecture", ["sdxl", "sd15"])
def test_training_leaves_the_base_as_it_was(tmp_path, folder, fresh, architecture):
    run = run_in(tmp_path, folder, train_config(steps=2), architecture=architecture)
    remove_lora(run.base)
    trained, untouched = run.base.network.state_dict(), fresh(architecture).network.state_dict()
    assert trained.keys() == untouched.keys()
    assert all(torch.equal(trained[name], untouched[name]) for name in trained)


def test_a_target_that_fits_nothing_is_named(tmp_path, folder):
    with pytest.raises(ConfigError, match="to_banana"):
        run_in(tmp_path, folder, train_config(targets=["to_q", "to_banana"]))
