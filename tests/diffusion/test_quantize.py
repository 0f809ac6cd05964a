"""A base in fewer bits: what is kept of it, and that a LoRA trained on it is a LoRA of the whole one."""

import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch
from lora_runs import EVERY_BLOCK, Stop, base_config, run_in, stop_at, train_config
from torch import nn
from torch.nn import functional

from likeness.diffusion.families import bases
from likeness.diffusion.load import load_base
from likeness.diffusion.quantize import PackedLinear, quantize
from likeness.errors import ConfigError
from likeness.lora.export import publish
from likeness.lora.safetensors_io import read_metadata
from likeness.store.items import ItemStore
from likeness.train.native.cache import encode_examples
from likeness.train.native.data import read_examples
from likeness.train.native.loop import run_key
from likeness.train.native.training_loss import Objective

NF4 = pytest.param(
    "nf4",
    marks=[
        pytest.mark.bitsandbytes,
        pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed"),
    ],
)
KINDS = ["fp8", "int8", NF4]
BITS = {"fp8": 8, "int8": 8, "nf4": 4}
# What normally distributed weights lose at most, as a share of their own root mean square.
LOST = {"fp8": 0.03, "int8": 0.012, "nf4": 0.11}
CPU = torch.device("cpu")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_layer_is_nearly_what_it_was_and_its_gradient_that_of_its_weights(kind, dtype):
    random = torch.Generator().manual_seed(4)
    plain = nn.Linear(192, 128)
    plain.weight.data = torch.randn(128, 192, generator=random) * 0.05
    before, network = plain.weight.detach().clone(), nn.Sequential(plain.to(dtype).requires_grad_(False))
    quantize(network, kind, CPU, not_packed="emb|norm")
    (layer,) = network
    assert layer.packed.numel() * 8 == before.numel() * BITS[kind]
    weight = layer.weight
    assert weight.dtype == dtype
    assert 0 < (weight.float() - before).norm() < LOST[kind] * before.norm()

    x = torch.randn(3, 5, 192, generator=random).to(dtype).requires_grad_()
    expected = functional.linear(x, weight, layer.bias)
    assert torch.equal(network(x), expected)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda _: None):
        network(x)
    assert not kept  # for the gradient, where a linear layer keeps its weights
    along = torch.randn(expected.shape, generator=random).to(dtype)
    (wanted,) = torch.autograd.grad(expected, x, along)
    assert torch.equal(torch.autograd.grad(network(x), x, along)[0], wanted)


def test_eight_bits_by_hand():
    for kind, expected in {
        "int8": [[-127, 64, 32, 0], [0, 0, 0, 0]],
        # The largest of a row becomes 448; between 256 and 448 numbers are 32 apart, and 336 = 448 * .75 lies halfway.
        "fp8": [[-448, 224, 112, 0], [0, 0, 0, 0]],
    }.items():
        plain = nn.Linear(4, 2, bias=False)
        plain.weight.data = torch.tensor([[-2.0, 1.0, 0.5, 0.0], [0.0] * 4])
        network = nn.Sequential(plain)
        quantize(network, kind, CPU, not_packed="emb|norm")
        (layer,) = network
        assert layer.packed.view(layer.stored).float().tolist() == expected
        assert torch.equal(layer.weight, torch.tensor(expected) * layer.scale)


@pytest.mark.parametrize("architecture", bases())
def test_only_the_networks_linear_layers_are_packed(architecture):
    base = load_base(base_config(architecture, quantize="fp8"), device="cpu")
    whole = load_base(base_config(architecture), device="cpu")
    packed = {name for name, layer in base.network.named_modules() if isinstance(layer, PackedLinear)}
    assert packed
    assert all(any(end in name for end in ("to_", "ff", "proj_", "add_", "feed_forward")) for name in packed)
    left, right = (dict(one.network.named_parameters()) for one in (whole, base))
    assert left.keys() - right.keys() == {f"{name}.weight" for name in packed}
    assert all(torch.equal(left[name], right[name]) for name in right)
    assert not any(
        isinstance(m, PackedLinear)
        for m in (*base.pipeline.vae.modules(), *base.pipeline.text_encoder.modules())
    )
    assert base.digest == whole.digest


def test_what_encoders_made_is_shared_and_what_the_network_makes_is_not(folder, tmp_path):
    whole, packed = (load_base(base_config(quantize=kind), device="cpu") for kind in (None, "int8"))
    store, cfg = ItemStore(tmp_path / "items"), train_config()
    encode_examples(read_examples(folder), whole, cfg, store)
    assert encode_examples(read_examples(folder), packed, cfg, store).computed == 0
    assert whole.identity == whole.encoders
    assert packed.identity == {**whole.encoders, "quantized": "int8"}
    assert run_key(whole, cfg, "d") != run_key(packed, cfg, "d")


@pytest.mark.parametrize("kind", [pytest.param("fp8", marks=pytest.mark.slow), NF4])
def test_a_lora_of_a_quantised_base_resumes(folder, tmp_path, kind):
    cfg = train_config(lora_dropout=0.1)
    with pytest.raises(Stop):
        run_in(tmp_path / "a", folder, cfg, quantize=kind, on_window=stop_at(4))
    resumed = run_in(tmp_path / "a", folder, cfg, quantize=kind)
    run = run_in(tmp_path / "b", folder, cfg, quantize=kind)
    assert resumed.trained.resumed_from == 3
    assert resumed.sha256 == run.sha256
    assert resumed.trained.losses == run.trained.losses


@pytest.mark.parametrize("kind", [pytest.param("fp8", marks=pytest.mark.slow), NF4])
def test_a_lora_of_a_quantised_base_loads_and_works_on_the_whole_one(folder, tmp_path, kind):
    cfg = train_config(lora_dropout=0.1, blocks=EVERY_BLOCK)
    run = run_in(tmp_path, folder, cfg, quantize=kind)
    assert run.trained.probe_after < run.trained.probe_before

    one, file = run.set.first(), tmp_path / "jade-v1.safetensors"
    check = publish(run.data, file, run.base, one.condition, tuple(one.latents.shape[1:]))
    whole = load_base(base_config(), device="cpu")
    objective = Objective(whole, run.set, cfg)
    before = objective.probe()
    whole.pipeline.load_lora_weights(str(file.parent), weight_name=file.name)
    assert check.effect > 0
    assert read_metadata(run.data)["likeness.base_quantized"] == kind
    assert before - objective.probe() > 0.7 * (run.trained.probe_before - run.trained.probe_after)


def test_without_bitsandbytes_nf4_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes.functional", None)
    with pytest.raises(ConfigError, match="bitsandbytes") as error:
        load_base(base_config(quantize="nf4"), device="cpu")
    assert error.value.reason == "missing-package"


@pytest.mark.bitsandbytes
@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
def test_bitsandbytes_warns_of_no_kernels_that_nothing_here_uses():
    code = "import likeness.lora.adapter, bitsandbytes.functional"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "kernels" not in done.stderr
