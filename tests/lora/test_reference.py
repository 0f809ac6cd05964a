"""The trainer against a plain second reading of it: gradients in float64, and the file as ComfyUI merges it."""

import pytest
import torch
from comfy import ATTENTION, CONVOLUTIONS, comfy_name, merged
from lora_runs import EVERY_BLOCK, run_in, train_config
from safetensors.torch import load
from torch.func import functional_call

from likeness.diffusion.randomness import derive
from likeness.lora.adapter import add_lora
from likeness.train.native.cache import encode_examples
from likeness.train.native.data import read_examples
from likeness.train.native.training_loss import Objective

ALL_LAYERS = {"targets": ATTENTION + CONVOLUTIONS, "rank": 2, "alpha": 6.5}


@pytest.mark.parametrize(
    ("architecture", "change"),
    [
        pytest.param("sdxl", ALL_LAYERS, marks=pytest.mark.slow),
        ("sd15", ALL_LAYERS),
        ("sd15", {"targets": CONVOLUTIONS, "rank_stabilized": True}),
        ("sd15", {"targets": ATTENTION, "blocks": ["mid_block", "up_blocks"]}),
        pytest.param(
            "sdxl", {"targets": ATTENTION, "blocks": ["mid_block", "up_blocks"]}, marks=pytest.mark.slow
        ),
    ],
)
def test_comfyui_reads_every_key_and_merges_what_was_trained(tmp_path, folder, fresh, architecture, change):
    run = run_in(
        tmp_path,
        folder,
        train_config(**{"steps": 2, "blocks": EVERY_BLOCK} | change),
        architecture=architecture,
    )
    one, noise = run.set.first(), torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        trained = run.base.predict(noise, torch.tensor([300]), one.condition)
        base, tensors = fresh(architecture), load(run.data)
        untouched = base.predict(noise, torch.tensor([300]), one.condition)
        assert merged(base.network, tensors) == set(tensors)
        again = base.predict(noise, torch.tensor([300]), one.condition)
    effect = (trained - untouched).abs().max()
    assert effect > 1e-4
    assert (again - trained).abs().max() < 1e-3 * effect


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"targets": ATTENTION + CONVOLUTIONS, "rank": 3, "alpha": 5.0},
        {"weighting": "none", "rank_stabilized": True, "huber_c": 0.1},
    ],
)
def test_gradients_are_those_of_a_plain_float64_reference(folder, fresh, store, change):
    cfg, base = train_config(blocks=EVERY_BLOCK, **change), fresh()
    data = encode_examples(read_examples(folder), base, cfg, store)
    parameters = add_lora(base, cfg.lora, seed=cfg.seed)
    filler = torch.Generator().manual_seed(5)
    for (
        parameter
    ) in parameters.values():  # a fresh upper matrix is zero, and would hide the lower one's gradient
        parameter.data.copy_(0.1 * torch.randn(parameter.shape, generator=filler))
    loss = Objective(base, data, cfg).training_loss(4, 0)[0]
    loss.backward()

    plain = fresh().network.double()
    lora = {
        name.removeprefix("unet."): parameter.detach().double().requires_grad_()
        for name, parameter in parameters.items()
    }
    batch = data.order.epoch(4 // data.order.batches_per_epoch)[4 % data.order.batches_per_epoch]
    drawn = data.batch(batch, torch.tensor(batch.members))
    random = torch.Generator().manual_seed(derive(cfg.seed, "noise", 4, 0))
    timesteps = torch.randint(1000, (cfg.data.batch_size,), generator=random)
    noise = torch.randn(drawn.latents.shape, generator=random).double()
    signal = base.process(train_config().objective).alphas.double()[timesteps].view(-1, 1, 1, 1)
    noisy = signal.sqrt() * drawn.latents.double() + (1 - signal).sqrt() * noise
    scale = cfg.lora.alpha / (cfg.lora.rank**0.5 if cfg.lora.rank_stabilized else cfg.lora.rank)
    weights = dict(plain.named_parameters())
    for name in {name.rsplit(".lora_", 1)[0] for name in lora}:
        down, up = lora[f"{name}.lora_A.weight"], lora[f"{name}.lora_B.weight"]
        change_of = (up.flatten(1) @ down.flatten(1)).reshape(weights[f"{name}.weight"].shape)
        weights[f"{name}.weight"] = weights[f"{name}.weight"] + scale * change_of
    condition = {key: value.double() for key, value in drawn.condition.items()}
    added = {"text_embeds": condition["pooled"], "time_ids": condition["time_ids"]}
    predicted = functional_call(
        plain,
        weights,
        (noisy, timesteps, condition["embeds"]),
        {"added_cond_kwargs": added, "return_dict": False},
    )[0]
    snr = (signal / (1 - signal)).flatten()
    weight = (
        snr.clamp(max=cfg.objective.min_snr_gamma) / snr
        if cfg.objective.weighting == "min_snr"
        else torch.ones_like(snr)
    )
    error = (predicted - noise) ** 2
    if cfg.objective.huber_c:
        error = (
            2 * cfg.objective.huber_c * ((error + cfg.objective.huber_c**2).sqrt() - cfg.objective.huber_c)
        )
    reference = (weight * error.mean((1, 2, 3))).mean()
    reference.backward()

    assert loss.item() == pytest.approx(reference.item(), rel=1e-5)
    largest = max(tensor.grad.abs().max().item() for tensor in lora.values())
    assert largest > 1e-5
    for name, parameter in parameters.items():
        plain_grad = lora[name.removeprefix("unet.")].grad
        torch.testing.assert_close(parameter.grad.double(), plain_grad, rtol=1e-3, atol=1e-4 * largest)


def test_a_name_comfyui_does_not_know_would_be_seen():
    assert comfy_name("down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q")
    assert comfy_name("mid_block.resnets.0.conv1")
    assert comfy_name("time_embedding.linear_1") is None
    assert comfy_name("up_blocks.0.attentions.0.transformer_blocks.0.attn3.to_q") is None
