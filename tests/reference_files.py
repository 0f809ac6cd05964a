"""A random IP-Adapter for a tiny random base, as the files that people download."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from likeness.diffusion.bases import Base
from likeness.diffusion.config import IpAdapterConfig

IMAGE_WIDTH, TOKENS = 16, 4


def write_adapter(base: Base, folder: Path) -> IpAdapterConfig:
    """Write adapter.safetensors and image_encoder/ into the folder; the settings that name them against it."""
    unet, random = base.network, torch.Generator().manual_seed(0)
    width = unet.config.cross_attention_dim

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=random)

    tensors = {
        "image_proj.proj.weight": normal(TOKENS * width, IMAGE_WIDTH),
        "image_proj.proj.bias": normal(TOKENS * width),
        "image_proj.norm.weight": torch.ones(width),
        "image_proj.norm.bias": torch.zeros(width),
    }
    crossed = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
    for number, name in enumerate(crossed):
        layer = unet.get_submodule(name.removesuffix(".processor")).to_k
        for part in ("to_k_ip", "to_v_ip"):
            tensors[f"ip_adapter.{2 * number + 1}.{part}.weight"] = (
                normal(layer.out_features, width) / width**0.5
            )
    save_file(tensors, folder / "adapter.safetensors")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = CLIPVisionConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
            image_size=32, patch_size=8, projection_dim=IMAGE_WIDTH,
        )  # fmt: skip
        CLIPVisionModelWithProjection(config).save_pretrained(folder / "image_encoder")
    return IpAdapterConfig(weights="adapter.safetensors", image_encoder="image_encoder", scale=0.7)
