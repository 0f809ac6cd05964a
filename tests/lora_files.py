"""LoRA files of several trainers."""

import re

import torch
from safetensors.torch import load

from likeness.lora.safetensors_io import weights_bytes

TO_K = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"


TO_OUT = "up_blocks.0.attentions.2.transformer_blocks.9.attn1.to_out.0"


MID = "mid_block.attentions.0.transformer_blocks.3.ff.net.0.proj"


LDM = {
    TO_K: "input_blocks_4_1_transformer_blocks_0_attn2_to_k",
    TO_OUT: "output_blocks_2_1_transformer_blocks_9_attn1_to_out_0",
    MID: "middle_block_1_transformer_blocks_3_ff_net_0_proj",
}


RANK = {TO_K: 2, TO_OUT: 3, MID: 2}


IN, OUT = 6, 5


def pair(layer, dtype=torch.float32):
    random = torch.Generator().manual_seed(len(layer))
    down = torch.randn(RANK.get(layer, 2), IN, generator=random)
    return down.to(dtype), torch.randn(OUT, RANK.get(layer, 2), generator=random).to(dtype)


def named(name_of, down="lora_down.weight", up="lora_up.weight", alpha=None, layers=tuple(LDM)):
    """A file of the three layers under a trainer's names; `alpha` is by layer."""
    tensors = {}
    for layer in layers:
        lower, upper = pair(layer)
        tensors[f"{name_of(layer)}.{down}"], tensors[f"{name_of(layer)}.{up}"] = lower, upper
        if alpha:
            tensors[f"{name_of(layer)}.alpha"] = alpha(layer)
    return tensors


def half(layer):
    return torch.tensor(RANK[layer] / 2)


def sgm(layer):
    """The original name of a layer with its dots, `input_blocks.4.1.transformer_blocks.0.attn2.to_k`."""
    block = re.sub(r"_(?=\d)", ".", LDM[layer].partition("_transformer_blocks_")[0])
    return f"{block}.transformer_blocks.{layer.partition('.transformer_blocks.')[2]}"


TRAINERS = {
    "sd-scripts on diffusers' names": (named(lambda n: f"lora_unet_{n.replace('.', '_')}", alpha=half), 0.5),
    "sd-scripts SDXL (LDM)": (named(lambda n: f"lora_unet_{LDM[n]}", alpha=half), 0.5),
    "OneTrainer DIFFUSERS_LORA": (named(lambda n: f"unet.{n}", "lora_A.weight", "lora_B.weight"), 1.0),
    "OneTrainer KOHYA_LORA": (named(lambda n: f"lora_unet_{LDM[n]}", alpha=half), 0.5),
    "OneTrainer LEGACY_LORA": (named(lambda n: f"lora_unet_{n.replace('.', '_')}", alpha=half), 0.5),
    "OneTrainer ORIGINAL_LORA": (named(sgm, "lora_A.weight", "lora_B.weight", alpha=half), 0.5),
    "OneTrainer COMFY_LORA": (
        named(lambda n: f"diffusion_model.{sgm(n)}", "lora_A.weight", "lora_B.weight", alpha=half), 0.5),
    "OneTrainer INTERNAL": (named(lambda n: f"unet.{n}", alpha=half), 0.5),
    "ai-toolkit": (named(lambda n: f"lora_unet_{n.replace('.', '_')}", alpha=half), 0.5),
    "diffusers": (named(lambda n: f"unet.{n}", "lora_A.weight", "lora_B.weight"), 1.0),
    "SimpleTuner": (named(lambda n: f"unet.{n}", "lora_A.weight", "lora_B.weight"), 1.0),
    "SimpleTuner comfyui": (named(lambda n: f"lora_unet_{n.replace('.', '_')}", alpha=half), 0.5),
    "PEFT with an adapter's name": (named(lambda n: f"unet.{n}", "lora_A.default.weight", "lora_B.default.weight"), 1.0),
    "diffusers before PEFT": (named(lambda n: f"unet.{n}", "lora.down.weight", "lora.up.weight"), 1.0),
    "PEFT bare": (named(lambda n: f"base_model.model.{n}", "lora_A.weight", "lora_B.weight"), 1.0),
    "SimpleTuner LyCORIS": (named(lambda n: f"lycoris_{n.replace('.', '_')}", alpha=half), 0.5),
}  # fmt: skip


def processors():
    """diffusers' attention processors, its first form of a LoRA."""
    tensors = {}
    for layer, name in ((TO_K, f"unet.{TO_K}".replace(".to_k", ".processor.to_k")),
                        (TO_OUT, f"unet.{TO_OUT}".replace(".to_out.0", ".processor.to_out"))):  # fmt: skip
        tensors[f"{name}_lora.down.weight"], tensors[f"{name}_lora.up.weight"] = pair(layer)
    return tensors


TRAINERS["diffusers' processors"] = (processors(), 1.0)


def effects(data):
    """What each layer of a Kohya file changes."""
    tensors = load(data)
    layers = {name.partition(".")[0] for name in tensors}
    return {
        layer: tensors[f"{layer}.alpha"] / len(tensors[f"{layer}.lora_down.weight"])
        * tensors[f"{layer}.lora_up.weight"] @ tensors[f"{layer}.lora_down.weight"] for layer in layers
    }  # fmt: skip


def write(tmp_path, tensors, metadata=None):
    file = tmp_path / "given.safetensors"
    file.write_bytes(weights_bytes(tensors, metadata or {}))
    return file
