"""Several processes train one LoRA: what one process trains with as much accumulation, whoever is stopped or killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import lora_runs
import pytest
import torch
from lora_runs import run_in, train_config
from safetensors.torch import load
from torch import equal

from likeness.errors import ConfigError, TransientError
from likeness.train.native import trainer
from likeness.train.native.checkpoint import newest_for_all
from likeness.train.native.distributed import SIZE_VARIABLE, Ranks

ROOT = Path(__file__).parents[2]
TWO = {
    "processes": 2,
    "steps": 4,
    "checkpoint_every_steps": 2,
    "lora_dropout": 0.1,
    "preservation_weight": 1.0,
}


def start(place, folder, kill_after, **settings):
    command = [sys.executable, lora_runs.__file__, place, folder, kill_after, json.dumps(settings)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(list(map(str, command)), env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_two_processes_train_what_one_does_with_twice_the_accumulation(tmp_path, folder):
    alone = run_in(
        tmp_path / "one", folder, train_config(**TWO | {"processes": 1, "gradient_accumulation": 2})
    )
    with start(tmp_path / "two", folder, 4, **TWO) as killed:
        assert killed.wait() != 0
    assert list((tmp_path / "two").rglob("step-00000002.safetensors"))
    with start(tmp_path / "two", folder, 0, **TWO) as resumed:
        assert resumed.wait() == 0, resumed.stderr.read()
    together = load((tmp_path / "two" / "trained.safetensors").read_bytes())
    wanted = load(alone.data)
    assert together.keys() == wanted.keys()
    assert all(equal(together[name], tensor) for name, tensor in wanted.items())


@pytest.mark.parametrize(
    ("cores", "threads", "parts", "asked", "device", "processes"),
    [
        (2, 1, 2, 1, "cpu", 2), (1, 1, 2, 1, "cpu", 1), (4, 2, 4, 1, "cpu", 2), (8, 1, 6, 1, "cpu", 6), (4, 1, 3, 1, "cpu", 3),
        (2, 1, 3, 1, "cpu", 1), (8, None, 2, 1, "cpu", 1), (8, 1, 1, 1, "cpu", 1), (8, 1, 2, 3, "cpu", 3), (8, 1, 2, 1, "cuda", 1),
    ],
)  # fmt: skip
def test_a_steps_parts_are_shared_out_among_the_cores(
    monkeypatch, cores, threads, parts, asked, device, processes
):
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    monkeypatch.setattr(trainer, "pick_device", torch.device)
    train = train_config(gradient_accumulation=parts, processes=asked)
    train = train.model_copy(update={"system": train.system.model_copy(update={"device": device})})
    assert (
        trainer.processes_for(SimpleNamespace(train=train, base=SimpleNamespace(cpu_threads=threads)))
        == processes
    )


@pytest.fixture
def under_way(tmp_path, folder):
    """Two processes that have a checkpoint behind them, and the number of the second."""
    with start(tmp_path, folder, 0, **TWO | {"steps": 100000, "probe_draws": 1}) as first:
        try:
            while not list(tmp_path.rglob("step-*.safetensors")):
                assert first.poll() is None, first.stderr.read()
                time.sleep(0.05)
            (other,) = children(first.pid)
            yield first, other
        finally:
            first.kill()


def runs(pid):
    command = Path(f"/proc/{pid}/cmdline")
    return command.exists() and lora_runs.__file__ in command.read_text()


@pytest.mark.slow
def test_the_others_end_when_the_first_is_killed(under_way):
    first, other = under_way
    first.send_signal(signal.SIGKILL)
    until = time.monotonic() + 120
    while runs(other):
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.slow
def test_the_first_ends_with_a_sentence_when_another_is_killed(under_way):
    first, other = under_way
    os.kill(other, signal.SIGKILL)
    assert first.wait(120) == 1
    assert "a process that trains with this one" in first.stderr.read()


@pytest.mark.slow
def test_ctrl_c_stops_all_after_a_checkpoint(under_way):
    first, other = under_way
    for pid in (first.pid, other):  # as a terminal does
        os.kill(pid, signal.SIGINT)
    assert first.wait(120) == 1
    assert "its state is saved" in first.stderr.read()
    assert not runs(other)


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize(("started", "wanted"), [("2", 1), ("1", 4)])
def test_another_number_of_processes_than_the_settings_say_is_refused(monkeypatch, started, wanted):
    monkeypatch.setenv(SIZE_VARIABLE, started)
    with pytest.raises(ConfigError, match=f"train.system.processes is {wanted}, but {started}") as caught:
        Ranks(wanted)
    assert f"train.system.processes: {started}" in caught.value.remedy


def test_all_go_on_from_one_checkpoint_though_another_machine_sends_one_meanwhile(monkeypatch):
    ranks, ahead = Ranks(), SimpleNamespace(step=20)
    monkeypatch.setattr(ranks, "first", lambda step: 20.0)  # what the first process reads
    found = iter([None, SimpleNamespace(step=10), ahead])
    assert newest_for_all(SimpleNamespace(newest=lambda: next(found)), ranks) is ahead
    with pytest.raises(TransientError, match="different checkpoints"):
        newest_for_all(SimpleNamespace(newest=lambda: None), ranks)


def test_alone_there_is_nobody_to_ask():
    ranks = Ranks()
    assert (ranks.main, ranks.any(True), ranks.any(False), ranks.first(0.1)) == (True, True, False, 0.1)
    assert list(ranks.share(3)) == [0, 1, 2]
