"""How steps are computed changes nothing of what is trained; memory is counted before anything is loaded."""

import pytest
import torch
from lora_runs import EVERY_BLOCK, Stop, base_config, run_in, stop_at, train_config
from torch.autograd.graph import saved_tensors_hooks

from likeness.diffusion.families import bases
from likeness.errors import ConfigError
from likeness.lora.adapter import add_lora
from likeness.train.native import compute, memory
from likeness.train.native.compute import needs_checkpointing, training_mode
from likeness.train.native.memory import GIB, Footprint, footprint, predict

SHORT = {"steps": 4, "checkpoint_every_steps": 2}
BUCKETS = [(64, 64)]


def test_activations_computed_again_give_the_same_bytes(tmp_path, folder):
    kept = run_in(tmp_path / "kept", folder, train_config(lora_dropout=0.2, **SHORT))
    again = run_in(
        tmp_path / "again", folder, train_config(lora_dropout=0.2, gradient_checkpointing="on", **SHORT)
    )
    pairs = zip(kept.trained.parameters.values(), again.trained.parameters.values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    assert not again.base.network.is_gradient_checkpointing


@pytest.mark.slow
def test_a_compiled_run_learns_the_same_and_resumes_bit_for_bit(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(compute, "BACKEND", "aot_eager")
    cfg = train_config(compile=True, **SHORT)
    whole = run_in(tmp_path / "whole", folder, cfg)
    with pytest.raises(Stop):
        run_in(tmp_path / "cut", folder, cfg, on_window=stop_at(3))
    resumed = run_in(tmp_path / "cut", folder, cfg)
    assert resumed.trained.resumed_from == 2
    assert resumed.sha256 == whole.sha256
    plain = run_in(tmp_path / "plain", folder, train_config(**SHORT))
    assert whole.trained.losses == pytest.approx(plain.trained.losses, rel=1e-4)
    assert all(module._compiled_call_impl is None for module in whole.base.network.modules())


def test_what_the_compiler_says_becomes_a_remedy(fresh):
    base, cfg = fresh(), train_config(compile=True)

    class CompilerError(RuntimeError):
        pass

    CompilerError.__module__ = "torch._dynamo.exc"
    with pytest.raises(ConfigError, match="no compiler") as caught, training_mode(base, cfg, BUCKETS):
        raise CompilerError("no compiler\nat all")
    assert "train.system.compile: false" in caught.value.remedy
    with pytest.raises(RuntimeError, match="its own"), training_mode(base, cfg, BUCKETS):
        raise RuntimeError("its own")


def test_memory_that_runs_out_is_told_with_what_a_step_needs(fresh):
    with (
        pytest.raises(ConfigError, match="batch_size 2 at 64 px") as caught,
        training_mode(fresh(), train_config(), BUCKETS),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory")
    assert "gradient_checkpointing: on" in caught.value.remedy


def counted_and_kept(base, cfg, monkeypatch):
    """What the predictor counts for a step of the base, and the bytes that autograd keeps in one."""
    prompt = base.encode_prompt("jade woman")
    shapes = {name: tuple(tensor.shape) for name, tensor in prompt.items()}
    monkeypatch.setattr(type(base), "prompt_shapes", shapes)
    counted = footprint(type(base), dict(base.network.config), cfg, dtype=torch.float32)
    add_lora(base, cfg.lora, seed=cfg.seed)
    known = {parameter.untyped_storage()._cdata for parameter in base.network.parameters()}
    found, held = 0, []

    def pack(tensor):
        nonlocal found
        held.append(tensor)
        if tensor.untyped_storage()._cdata not in known:
            known.add(tensor.untyped_storage()._cdata)
            found += tensor.untyped_storage().nbytes()
        return tensor

    condition = base.collate([prompt] * cfg.data.batch_size)
    condition["time_ids"] = torch.zeros(cfg.data.batch_size, 6)
    channels = base.latent_channels
    timesteps = torch.full((cfg.data.batch_size,), base.MID_TIMESTEP)
    with saved_tensors_hooks(pack, lambda tensor: tensor):
        base.predict(torch.randn(cfg.data.batch_size, channels, 8, 8), timesteps, condition).square().mean()
    return counted, found


@pytest.mark.parametrize(
    "architecture", [pytest.param(name, marks=() if name == "sd15" else pytest.mark.slow) for name in bases()]
)
def test_what_is_kept_is_what_autograd_keeps(fresh, monkeypatch, architecture):
    cfg = train_config(architecture, **({} if bases()[architecture].FLOW else {"blocks": EVERY_BLOCK}))
    counted, found = counted_and_kept(fresh(architecture), cfg, monkeypatch)
    assert counted.kept == pytest.approx(found, rel=0.05)
    assert counted.kept_checkpointed < counted.kept


def test_of_one_block_exactly_that_is_counted_which_autograd_keeps(fresh, monkeypatch):
    """With an attention that keeps what flash attention does; blocks before the first layer that learns keep nothing."""
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", memory._attention)
    counted, found = counted_and_kept(fresh(), train_config(), monkeypatch)
    assert counted.kept == found


@pytest.mark.slow
def test_sdxl_is_counted_without_being_there():
    cfg = train_config(side_px=1024, batch_size=1, rank=16, alpha=8, blocks=EVERY_BLOCK)
    values = {"source": "stabilityai/stable-diffusion-xl-base-1.0", "seed": None}
    whole = predict(base_config(**values), cfg)
    # 2,567 million parameters of the UNet, 818 of the text encoders, 84 of the VAE in float32.
    assert whole.weights == pytest.approx(2 * (2567.5e6 + 817.7e6) + 4 * 83.7e6, rel=1e-3)
    assert 12 * GIB < whole.total(checkpointing=False) < 22 * GIB
    assert whole.total(checkpointing=True) < 0.6 * whole.total(checkpointing=False)
    less = predict(base_config(**values, quantize="nf4"), cfg)
    assert whole.weights - less.weights > 3 * GIB
    assert less.kept == whole.kept
    more = predict(
        base_config(**values), train_config(side_px=1024, batch_size=2, rank=16, alpha=8, blocks=EVERY_BLOCK)
    )
    assert more.kept == pytest.approx(2 * whole.kept, rel=0.02)


def test_cards_are_told_by_what_they_hold():
    told = Footprint(
        weights=5 * GIB, learning=1 * GIB, kept=10 * GIB, kept_checkpointed=2 * GIB, in_flight=0
    ).words()
    assert told == (
        "about 16.8 GiB of GPU memory, 8.8 with gradient checkpointing: fits GPUs of 24, 48, 80 GB; "
        "with gradient checkpointing of 12, 16 GB"
    )
    huge = Footprint(weights=100 * GIB, learning=0, kept=0, kept_checkpointed=0, in_flight=0)
    assert huge.words().endswith("more than a GPU of 80 GB has")


def test_checkpointing_is_as_set_and_auto_keeps_everything_on_a_cpu(fresh):
    base = fresh()
    answers = [
        needs_checkpointing(base, train_config(gradient_checkpointing=one), BUCKETS)
        for one in ("on", "off", "auto")
    ]
    assert answers == [True, False, False]


def test_no_step_between_windows_asks_the_device_for_a_number(tmp_path, folder, monkeypatch):
    asked, steps = [], []
    item = torch.Tensor.item
    monkeypatch.setattr(torch.Tensor, "item", lambda tensor: asked.append(len(steps)) or item(tensor))
    monkeypatch.setattr(torch.Tensor, "tolist", lambda tensor: pytest.fail("tolist in a step"), raising=False)
    from likeness.train.native import loop

    monkeypatch.setattr(loop, "_floats", lambda values: [])
    total = loop.Ranks.total
    monkeypatch.setattr(loop.Ranks, "total", lambda *given: steps.append(1) or total(*given))
    run_in(tmp_path, folder, train_config(steps=6, log_every_steps=3, checkpoint_every_steps=6))
    # Before the first step, at the two windows, and when the last state is written.
    assert {count for count in asked if count} <= {3, 6}
    assert len(steps) == 6
