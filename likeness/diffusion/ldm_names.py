"""The original names (CompVis' LDM) of the UNet's layers, which sd-scripts uses for SDXL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


BLOCK_LAYERS = 2  # layers_per_block of both
# The original names (CompVis' LDM) of what lies in a block, and outside of blocks.
IN_BLOCK = {
    "conv1": "in_layers.2",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
OUTSIDE = {
    "conv_in": "input_blocks.0.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}


def original_names(layer: str) -> Sequence[str]:
    """What the original code calls a layer of the UNet, for which sd-scripts trains SDXL; two names where SD 1.5's and
    SDXL's differ."""
    if layer in OUTSIDE:
        return (OUTSIDE[layer],)
    side, split, rest = layer.partition("_block")
    if not split:  # an adapter's own, as what IP-Adapter makes of a picture
        return ()
    if side == "mid":
        kind, number, inner = rest[1:].split(".", 2)
        return (f"middle_block.{2 * int(number) if kind == 'resnets' else 1}.{IN_BLOCK.get(inner, inner)}",)
    block, kind, number, inner = rest.removeprefix("s.").split(".", 3)
    first, index, inner = int(block) * (BLOCK_LAYERS + 1), int(number), IN_BLOCK.get(inner, inner)
    if kind == "downsamplers":
        return (f"input_blocks.{first + BLOCK_LAYERS + 1}.0.op",)
    if kind == "upsamplers":
        return tuple(f"output_blocks.{first + BLOCK_LAYERS}.{place}.conv" for place in (1, 2))
    place = 0 if kind == "resnets" else 1
    if side == "down":
        return (f"input_blocks.{1 + first + index}.{place}.{inner}",)
    return (f"output_blocks.{first + index}.{place}.{inner}",)
