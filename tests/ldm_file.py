"""An SD 1.5 pipeline of diffusers as one .safetensors file under the original names (CompVis' LDM)."""

import re
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

RESNET = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "norm2": "out_layers.0", "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1", "conv_shortcut": "skip_connection",
}  # fmt: skip
UNET = {
    "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
    "mid_block.resnets.0": "middle_block.0", "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
}  # fmt: skip
ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def write_single_file(pipeline: Any, path: Path) -> None:
    """Write UNet, VAE and text encoder of `pipeline` to `path`."""
    tensors: dict[str, Tensor] = {}
    layers = pipeline.unet.config.layers_per_block
    for name, tensor in pipeline.unet.state_dict().items():
        tensors[f"model.diffusion_model.{unet_name(name, layers)}"] = tensor
    for name, tensor in pipeline.vae.state_dict().items():
        ldm = vae_name(name)
        # LDM's attention is made of 1x1 convolutions.
        linear = "attn_1" in ldm and ldm.endswith("weight") and tensor.ndim == 2
        tensors[f"first_stage_model.{ldm}"] = tensor[:, :, None, None] if linear else tensor
    for name, tensor in pipeline.text_encoder.state_dict().items():
        inner = name if name.startswith("text_model.") else f"text_model.{name}"
        tensors[f"cond_stage_model.transformer.{inner}"] = tensor
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)


def unet_name(name: str, layers: int) -> str:
    found = re.match(
        r"(down|up)_blocks\.(\d)\.(resnets|attentions|downsamplers|upsamplers)\.(\d)\.(.*)", name
    )
    if found is None:
        for ours, ldm in UNET.items():
            if name.startswith(f"{ours}."):
                return resnet_name(ldm + name[len(ours) :])
        raise AssertionError(name)
    side, block, kind, layer, rest = found[1], int(found[2]), found[3], int(found[4]), found[5]
    if kind == "downsamplers":
        return f"input_blocks.{(block + 1) * (layers + 1)}.0.{rest.replace('conv', 'op')}"
    if kind == "upsamplers":
        # It follows the attention, which the first block of SD 1.5's decoder lacks.
        return f"output_blocks.{block * (layers + 1) + layers}.{1 if block == 0 else 2}.{rest}"
    number = 1 + block * (layers + 1) + layer if side == "down" else block * (layers + 1) + layer
    folder = "input_blocks" if side == "down" else "output_blocks"
    return resnet_name(f"{folder}.{number}.{0 if kind == 'resnets' else 1}.{rest}")


def resnet_name(name: str) -> str:
    parts = name.split(".")
    if "transformer_blocks" in parts:
        return name
    return ".".join(RESNET.get(part, part) for part in parts)


def vae_name(name: str) -> str:
    name = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{3 - int(m[1])}.block.{m[2]}", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample", name)
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    if "mid_block.attentions.0." in name:
        for ours, ldm in ATTENTION.items():
            name = name.replace(f"attentions.0.{ours}.", f"attentions.0.{ldm}.")
        name = name.replace("mid_block.attentions.0", "mid.attn_1")
    return name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
