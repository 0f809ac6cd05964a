"""Files as other trainers write them, and what each layer of a file changes."""

import json

import torch
from safetensors.torch import load, save_file

UNET = {"base_model_class": "UNet2DConditionModel"}
TO_Q = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
TO_K = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"


def matrices(rows, columns, rank=2):
    random = torch.Generator().manual_seed(rows + columns)
    return torch.randn(rank, columns, generator=random), torch.randn(rows, rank, generator=random)


def named(layers, down="lora_down.weight", up="lora_up.weight"):
    """Tensors of layers given as (lower, upper, alpha or None)."""
    tensors = {}
    for name, (lower, upper, alpha) in layers.items():
        tensors |= {f"{name}.{down}": lower, f"{name}.{up}": upper}
        if alpha is not None:
            tensors[f"{name}.alpha"] = torch.tensor(float(alpha))
    return tensors


def effects(data):
    """What each layer of a file changes, by its name in the file; of a LoRA, or a LoKr of whole factors."""
    layers = {}
    for name, tensor in load(data).items():
        layer, part = next((name[: -len(end)], end) for end in ENDS if name.endswith(end))
        layers.setdefault(layer, {})[ENDS[part]] = tensor
    found = {}
    for layer, parts in layers.items():
        if "first" in parts:
            found[layer] = torch.kron(parts["first"], parts["second"])
            continue
        down, up = parts["down"], parts["up"]
        scale = parts["alpha"].item() / len(down) if "alpha" in parts else 1.0
        found[layer] = scale * up.flatten(1) @ down.flatten(1)
    return found


ENDS = {
    ".lora_down.weight": "down", ".lora_up.weight": "up", ".lora_A.weight": "down", ".lora_B.weight": "up", ".alpha": "alpha",
    ".lokr_w1": "first", ".lokr_w2": "second",
}  # fmt: skip


def write(tmp_path, tensors, metadata=None, config=None):
    """A file, or with `config` a folder of PEFT's."""
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    if config is None:
        save_file(tensors, tmp_path / "given.safetensors", metadata)
        return tmp_path / "given.safetensors"
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    save_file(tensors, tmp_path / "adapter_model.safetensors")
    return tmp_path


def fused(width, rank=2):
    """Query, key and value by themselves, and as one layer whose upper matrix is zero between them (musubi-tuner)."""
    own = [matrices(width, width + place, rank) for place in range(3)]
    own = [(down[:, :width], up) for down, up in own]
    return own, torch.cat([down for down, _ in own]), torch.block_diag(*(up for _, up in own))
