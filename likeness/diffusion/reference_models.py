"""What is published about the bases people train on, so that a plan can be made before one is downloaded.

Numbers are those of the configuration files of stabilityai/stable-diffusion-xl-base-1.0, stable-diffusion-v1-5 and
Tongyi-MAI/Z-Image (whose transformer has diffusers' defaults).
"""

from typing import Any

from likeness.train.config import Architecture

NETWORKS: dict[Architecture, dict[str, Any]] = {
    "sdxl": {
        "sample_size": 128,
        "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10),
        "attention_head_dim": (5, 10, 20),
        "cross_attention_dim": 2048,
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
    "sd15": {"sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8},
    "zimage": {},
}
# Parameters of the text encoders, and of the VAE.
TEXT_ENCODERS: dict[Architecture, float] = {"sdxl": 817.7e6, "sd15": 123.1e6, "zimage": 4.02e9}
VAE = 83.7e6
