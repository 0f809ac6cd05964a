"""Tensors that start anywhere become tensors that start where torch's own do."""

import pytest
import torch
from padding import shift_tensors
from safetensors.torch import load, load_file, save_file

from likeness.aligned import ALIGNMENT, align_module, align_tensors, aligned


def starting_at(offset: int) -> torch.Tensor:
    """Float32 [5,7] that starts `offset` floats behind a multiple of 64 bytes."""
    return torch.arange(64 + 35, dtype=torch.float32)[offset : offset + 35].reshape(5, 7)


@pytest.mark.parametrize("offset", [0, 1, 4, 15, 16])
def test_a_copy_is_made_only_of_what_starts_elsewhere(offset: int):
    tensor = starting_at(offset)
    found = aligned(tensor)
    assert found.data_ptr() % ALIGNMENT == 0
    assert torch.equal(found, tensor)
    assert (found is tensor) == (offset % 16 == 0)


def test_gaps_between_rows_are_closed():
    tensor = torch.arange(32.0).reshape(4, 8)[:, :5]
    assert aligned(tensor).stride() == (5, 1)
    assert torch.equal(aligned(tensor), tensor)


@pytest.mark.parametrize("read", [load_file, lambda path: load(path.read_bytes())], ids=["mapped", "bytes"])
@pytest.mark.parametrize("shift", [0, 1, 8, 24])
def test_a_files_tensors_start_where_torchs_own_do(tmp_path, read, shift):
    tensors = {"odd": torch.randn(3), "even": torch.randn(16, 16), "half": torch.randn(5).half()}
    path = tmp_path / "weights.safetensors"
    save_file(tensors, path)
    shift_tensors(path, shift)
    found = align_tensors(read(path))
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())
    assert all(tensor.data_ptr() % ALIGNMENT == 0 for tensor in found.values())


def test_a_modules_parameters_and_buffers_stay_what_they_are():
    module = torch.nn.BatchNorm1d(35)
    module.weight.data, module.running_mean = starting_at(3).flatten(), starting_at(5).flatten()
    tied = torch.nn.Sequential(module, module)
    weight = module.weight
    align_module(tied)
    assert module.weight is weight
    assert weight.requires_grad
    assert [tensor.data_ptr() % ALIGNMENT for tensor in (*tied.parameters(), *tied.buffers())] == [0] * 5
    assert torch.equal(weight, starting_at(3).flatten())
    assert torch.equal(module.running_mean, starting_at(5).flatten())
