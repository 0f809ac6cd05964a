"""Files of many trainers at the doors that draw with them and train on them: what they say is done, or they are refused by name."""

import json
import logging
import pickle
import re

import pytest
import torch
from lora_runs import FACTS, random_base, train_config
from safetensors.torch import save, save_file

from likeness.errors import LikenessError
from likeness.lora.adapter import add_lora, lora_layers
from likeness.lora.layers import layer_of
from likeness.lora.load import loaded_lora
from likeness.train.native.start import read_start

BLOCK = "up_blocks.0.attentions.0.transformer_blocks.0"
LDM_BLOCK = "output_blocks_0_1_transformer_blocks_0"
LAYERS = [f"{BLOCK}.{end}" for end in ("attn1.to_q", "attn2.to_k", "attn1.to_out.0", "ff.net.2")]
FIRST = f"lora_unet_{LAYERS[0].replace('.', '_')}"
RANK = 2


@pytest.fixture(scope="module")
def base():
    return random_base()


@pytest.fixture(scope="module")
def untouched(base):
    return prediction(base)


def matrices(base):
    """By layer [r,in] and [out,r], the same ones every time."""
    random = torch.Generator().manual_seed(0)
    widths = {name: layer_of(base, f"unet.{name}").weight.shape for name in LAYERS}
    return {
        name: (torch.randn(RANK, columns, generator=random), torch.randn(rows, RANK, generator=random))
        for name, (rows, columns) in widths.items()
    }


def named(base, form, down="lora_down.weight", up="lora_up.weight", alpha=None, change=lambda tensor: tensor):
    """A file's tensors; `form` gives a layer's name in it."""
    tensors = {}
    for number, (name, (lower, upper)) in enumerate(matrices(base).items()):
        tensors |= {f"{form(name)}.{down}": change(lower), f"{form(name)}.{up}": change(upper)}
        if alpha is not None:
            tensors[f"{form(name)}.alpha"] = torch.tensor(float(alpha(number)))
    return tensors


def kohya(base, alpha=lambda number: 1, **more):
    return named(base, lambda name: f"lora_unet_{name.replace('.', '_')}", alpha=alpha, **more)


def peft(base, start="unet.", **more):
    return named(base, lambda name: start + name, "lora_A.weight", "lora_B.weight", **more)


def settings(**more):
    said = {"r": RANK, "lora_alpha": 1, "target_modules": LAYERS} | more
    return {"lora_adapter_metadata": json.dumps({f"unet.{name}": value for name, value in said.items()})}


# By name: the tensors, the metadata and the scale of each layer by its number.
HALF = lambda number: 0.5  # noqa: E731
READ = {
    "kohya": (kohya, None, HALF),
    "without alpha": (lambda base: kohya(base, alpha=None), None, lambda number: 1.0),
    "alphas that differ": (lambda base: kohya(base, alpha=lambda number: number + 1), None, lambda number: (number + 1) / RANK),
    "an alpha below zero": (lambda base: kohya(base, alpha=lambda number: -1), None, lambda number: -0.5),
    "bf16": (lambda base: kohya(base, change=lambda tensor: tensor.bfloat16()), None, HALF),
    "fp64": (lambda base: kohya(base, change=lambda tensor: tensor.double()), None, HALF),
    "a matrix as a convolution": (lambda base: kohya(base, change=lambda tensor: tensor[:, :, None, None]), None, HALF),
    "another word and script in the metadata": (kohya, {"ss_base_model_version": "flux1", "ss_output_name": "джейд\u202e"}, HALF),
    "original names": (
        lambda base: named(base, lambda name: f"lora_unet_{LDM_BLOCK}_{name.removeprefix(BLOCK + '.').replace('.', '_')}"), None,
        lambda number: 1.0),
    "LyCORIS' names": (lambda base: named(base, lambda name: f"lycoris_{name.replace('.', '_')}"), None, lambda number: 1.0),
    "diffusers": (peft, None, lambda number: 1.0),
    "diffusers' names with alphas": (lambda base: peft(base, alpha=lambda number: 1), None, HALF),
    "PEFT's settings in the header": (peft, settings(), HALF),
    "settings without target_modules": (peft, {"lora_adapter_metadata": json.dumps({"unet.r": RANK, "unet.lora_alpha": 1})}, HALF),
    "settings that do not read": (peft, {"lora_adapter_metadata": "{"}, lambda number: 1.0),
    "an adapter's name": (
        lambda base: named(base, lambda name: f"unet.{name}", "lora_A.default.weight", "lora_B.default.weight"), None,
        lambda number: 1.0),
    "bare names": (lambda base: peft(base, "base_model.model."), None, lambda number: 1.0),
    "diffusion_model": (lambda base: peft(base, "diffusion_model."), None, lambda number: 1.0),
}  # fmt: skip


@torch.no_grad()
def prediction(base):
    condition = base.encode_prompt("jade woman, smiling") | {
        "time_ids": torch.tensor([64.0, 64, 0, 0, 64, 64])
    }
    noise = torch.randn((1, base.latent_channels, 8, 8), generator=torch.Generator().manual_seed(3))
    return base.predict(
        noise, torch.tensor([base.MID_TIMESTEP]), base.encode_condition(base.collate([condition]))
    )


@torch.no_grad()
def merged(base, scale):
    """What the base predicts with these changes of its own weights."""
    weights = [layer_of(base, f"unet.{name}").weight for name in LAYERS]
    before = [weight.clone() for weight in weights]
    for number, (weight, (lower, upper)) in enumerate(zip(weights, matrices(base).values(), strict=True)):
        weight += scale(number) * upper @ lower
    right = prediction(base)
    for weight, was in zip(weights, before, strict=True):
        weight.copy_(was)
    return right


@pytest.fixture(scope="module")
def trainee():
    """A base with a new adapter, and its parameters."""
    base = random_base()
    ends = ["attn1.to_q", "attn2.to_k", "attn1.to_out.0", "ff.net.2"]
    cfg = train_config(rank=RANK, alpha=1, targets=ends, blocks=[BLOCK])
    return base, add_lora(base, cfg.lora, seed=1, text_encoders=False)


def draw(base, path):
    with loaded_lora(base, path):
        return prediction(base)


def start(trainee, path):
    """What the adapter predicts that starts from a file."""
    read_start(path, FACTS.consent_id).fill(*trainee)
    return prediction(trainee[0])


def is_near(found, right):
    return (found - right).norm() < 1e-2 * right.norm()


@pytest.mark.parametrize("kind", READ)
def test_a_file_of_any_trainer_draws_and_starts_as_its_numbers_say(
    tmp_path, base, untouched, trainee, monkeypatch, caplog, kind
):
    monkeypatch.setattr(logging.getLogger("diffusers"), "propagate", True)
    tensors, metadata, scale = READ[kind]
    path = tmp_path / f"{kind}.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in tensors(base).items()}, path, metadata)
    right = merged(base, scale)
    assert not is_near(untouched, right)
    assert is_near(draw(base, path), right)
    assert is_near(start(trainee, path), right)
    assert torch.equal(prediction(base), untouched)
    assert caplog.records == []


def test_a_folder_of_pefts_draws_as_its_settings_say(tmp_path, base):
    config = {"r": RANK, "lora_alpha": 1, "auto_mapping": {"base_model_class": "UNet2DConditionModel"}}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    save_file(peft(base, "base_model.model."), tmp_path / "adapter_model.safetensors")
    assert is_near(draw(base, tmp_path), merged(base, HALF))


def with_first(part, tensor):
    return lambda base: kohya(base) | {f"{FIRST}.{part}": tensor}


BROKEN = {
    "LoHa": (lambda base: {f"{FIRST}.hada_w{n}_{side}": torch.ones(2, 2) for n in (1, 2) for side in "ab"}, None, "but of a LoHa"),
    "a full difference": (lambda base: {f"{FIRST}.diff": torch.ones(64, 64)}, None, r"\.diff is not a tensor of a LoRA"),
    "a bias beside": (with_first("diff_b", torch.ones(64)), None, r"\.diff_b is not a tensor of a LoRA"),
    "an embedding beside": (lambda base: kohya(base) | {"emb_params": torch.ones(4, 8)}, None, "emb_params is not a tensor"),
    "a layer that the base has not": (
        lambda base: kohya(base) | {"lora_unet_x.lora_down.weight": torch.ones(2, 8), "lora_unet_x.lora_up.weight": torch.ones(8, 2)},
        None, "1 of 5 layers are none of SDXL: lora_unet_x"),
    "two names of a layer": (lambda base: kohya(base) | peft(base), None, "are both unet"),
    "no upper matrix": (lambda base: {k: v for k, v in kohya(base).items() if k != f"{FIRST}.lora_up.weight"}, None, "alone"),
    "another rank in one": (with_first("lora_up.weight", torch.ones(64, 3)), None, "of no common rank"),
    "another width in one": (with_first("lora_up.weight", torch.ones(7, RANK)), None, "1 of 4 layers do not have the sizes"),
    "NaN": (with_first("lora_up.weight", torch.full((128, RANK), torch.nan)), None, "1 tensors have numbers that are infinite or not"),
    "numbers without end": (lambda base: kohya(base, change=lambda tensor: tensor * 1e30), None, "larger than a number can be"),
    "alpha without end": (with_first("alpha", torch.tensor(torch.inf)), None, "one finite number|infinite or not a number"),
    "whole numbers": (lambda base: kohya(base, change=lambda tensor: tensor.to(torch.int8)), None, "packed weights are not read"),
    "alphas alone": (lambda base: {f"{FIRST}.alpha": torch.tensor(1.0)}, None, "has an alpha alone"),
    "nothing": (lambda base: {}, None, "holds no layer of a LoRA"),
    "settings of another rank": (peft, settings(r=16), "of 4 layers its settings say another rank"),
    "SD 1.5's": (
        lambda base: {f"{FIRST.replace('attn1_to_q', 'attn2_to_k')}.lora_down.weight": torch.ones(2, 768),
                      f"{FIRST.replace('attn1_to_q', 'attn2_to_k')}.lora_up.weight": torch.ones(1280, 2)},
        None, r"its layers are those of SD 1\.x, and the base likeness-random-sdxl is of SDXL"),
    "FLUX.1's": (
        lambda base: {"transformer.single_transformer_blocks.0.proj_mlp.lora_A.weight": torch.ones(2, 3072),
                      "transformer.single_transformer_blocks.0.proj_mlp.lora_B.weight": torch.ones(12288, 2)},
        None, r"its layers are those of FLUX\.1, and the base"),
}  # fmt: skip
NO_STARTS = ("numbers without end",)  # they are read one by one there, and each is a number


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_or_foreign_file_is_refused_by_name_and_leaves_the_base_as_it_was(
    tmp_path, base, untouched, trainee, kind
):
    tensors, metadata, words = BROKEN[kind]
    path = tmp_path / "given.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in tensors(base).items()}, path, metadata)
    doors = [lambda: draw(base, path), *([] if kind in NO_STARTS else [lambda: start(trainee, path)])]
    for door in doors:
        with pytest.raises(LikenessError, match=words) as caught:
            door()
        assert str(path) in caught.value.message
        assert caught.value.remedy
    assert not lora_layers(base)
    assert torch.equal(prediction(base), untouched)


@pytest.mark.parametrize("data", [b"", save({"a": torch.ones(2)})[:-3], pickle.dumps({"a": 1}), b"GGUF" + bytes(99)],
                         ids=["empty", "cut off", "pickled", "gguf"])  # fmt: skip
def test_what_is_no_safetensors_file_is_refused_by_name(tmp_path, base, trainee, data):
    path = tmp_path / "given.ckpt"
    path.write_bytes(data)
    for door in (lambda: draw(base, path), lambda: start(trainee, path)):
        with pytest.raises(LikenessError, match=re.escape(f"{path} is not a safetensors file")):
            door()
