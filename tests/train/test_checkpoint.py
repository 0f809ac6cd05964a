"""Checkpoints: whole or not at all, of this very run, and only as many as are kept."""

import pytest
import torch

from likeness.aligned import ALIGNMENT
from likeness.train.native.checkpoint import RunFolder


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path / "run", key="a" * 64, kept=2)


def state(value):
    return {"lora.x": torch.full((64, 64), float(value))}


def test_the_newest_of_those_kept_is_read_back(run):
    assert run.newest() is None
    for step in (5, 10, 100):
        run.save(step, state(step))
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "step-00000010.safetensors",
        "step-00000100.safetensors",
    ]
    newest = run.newest()
    assert newest.step == 100
    assert torch.equal(newest.tensors["lora.x"], state(100)["lora.x"])


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: b"\xff" * len(data),
    ],
    ids=["truncated", "empty", "one bit", "garbage"],
)
def test_a_damaged_checkpoint_gives_way_to_the_one_before(run, damage):
    run.save(5, state(5))
    run.save(10, state(10))
    path = run.folder / "step-00000010.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    assert run.newest().step == 5


def test_what_is_read_starts_where_the_runs_own_tensors_did(run):
    run.save(5, {f"lora.{size}": torch.ones(size) for size in (1, 3, 64, 65)})
    assert all(tensor.data_ptr() % ALIGNMENT == 0 for tensor in run.newest().tensors.values())


def test_another_runs_checkpoint_is_not_taken(run):
    run.save(5, state(5))
    assert RunFolder(run.folder, key="b" * 64, kept=2).newest() is None


def test_the_same_state_has_the_same_bytes(run):
    run.save(5, state(5))
    first = (run.folder / "step-00000005.safetensors").read_bytes()
    run.save(5, state(5))
    assert (run.folder / "step-00000005.safetensors").read_bytes() == first
