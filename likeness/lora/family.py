"""The base that a LoRA file is of, by the names and shapes of its layers, and whether a word of its metadata may mean that
base."""

import re
from collections.abc import Mapping

from likeness.diffusion.families import bases

# A layer of FLUX.2, in diffusers' names or the original ones.
FLUX2 = r"single_transformer_blocks[._]\d+[._]attn[._]to_qkv_mlp_proj|(?:single|double)_blocks[._]\d+"
# Bases that cannot be trained here, as bases are recognised: title, a layer, what it reads, what metadata call it.
NO_BASE = (
    ("SD 2.x", r"attn2[._]to_k", 1024, r"sd[-_ ]?v?2|stable-diffusion-v?2"),
    ("SDXL's refiner", r"attn2[._]to_k", 1280, r"xl.*refiner"),
    *(("SD 3.x", r"(?<!single_)transformer_blocks[._]\d+[._]attn[._](?:to_[qkv]|add_[qkv]_proj)|joint_blocks[._]\d+", width,
       r"sd[-_ ]?v?3|stable-diffusion-v?3") for width in (1536, 2432)),
    ("Lumina 2", r"\blayers[._]\d+[._]attention[._]|_layers_\d+_attention_|\blayers[._]\d+[._]attn[._]to_", 2304, r"lumina"),
    # FLUX.1, Qwen-Image and FLUX.2 klein 4B are as wide, and share names; each has layers, or more blocks, that others lack
    # (of layers that both FLUX have, FLUX_SIZES tells more).
    ("Qwen-Image", r"(?<!single_)transformer_blocks[._](?:19|[2-5]\d)[._]", 3072, r"qwen"),
    ("FLUX.1", r"single_transformer_blocks[._]\d+[._](?:proj_mlp|attn[._]to_[qkv](?![a-z]))|"
     r"(?:double_|(?<!single_)transformer_)blocks[._](?:[5-9]|1[0-8])[._]|single_(?:transformer_)?blocks[._](?:2\d|3[0-7])[._]|"
     r"double_blocks[._]\d+[._](?:img|txt)_mod[._]lin|single_blocks[._]\d+[._]modulation[._]lin|"
     r"single_transformer_blocks[._]\d+[._]norm[._]linear|(?<!single_)transformer_blocks[._]\d+[._]norm1(?:_context)?[._]linear",
     3072, r"flux[-_ .]?1"),
    ("FLUX.2 dev", FLUX2, 6144, r"flux[-_ .]?2[-_]dev"),
    ("FLUX.2 klein 9B", FLUX2, 4096, r"klein[-_]9b"),
)  # fmt: skip
# Layers that FLUX.1 and FLUX.2 klein 4B call alike, by their outputs and what they read: klein's have gates, and wider ones.
KLEIN = "FLUX.2 klein"
SINGLE = r"single_(?:transformer_)?blocks[._]\d+[._]"
DOUBLE = r"(?:double_|(?<!single_)transformer_)blocks[._]\d+[._]"
FLUX_SIZES = (
    ("FLUX.1", rf"{SINGLE}linear1", 21504, 3072), (KLEIN, rf"{SINGLE}linear1", 27648, 3072),
    ("FLUX.1", rf"{SINGLE}(?:linear2|proj_out)", 3072, 15360), (KLEIN, rf"{SINGLE}linear2", 3072, 12288),
    ("FLUX.1", rf"{DOUBLE}(?:(?:img|txt)_mlp[._]0|ff(?:_context)?[._]net[._]0[._]proj)", 12288, 3072),
    (KLEIN, rf"{DOUBLE}(?:img|txt)_mlp[._]0", 18432, 3072),
    ("FLUX.1", rf"{DOUBLE}(?:(?:img|txt)_mlp[._]2|ff(?:_context)?[._]net[._]2)", 3072, 12288),
    (KLEIN, rf"{DOUBLE}(?:img|txt)_mlp[._]2", 3072, 9216),
)  # fmt: skip
# A double block's attention is the same in both.
EITHER = f"FLUX.1 or {KLEIN}"
SHARED = rf"{DOUBLE}(?:(?:img|txt)_attn|attn[._](?:to_|add_))"
SHARED_WIDTH = 3072

Sizes = Mapping[str, tuple[int | None, int | None]]
"""Outputs and inputs of layers by name, as far as their tensors tell."""


def family_of_shapes(sizes: Sizes, says: str | None = None) -> str | None:
    """The title of the base whose layers have these names and sizes; None where they tell none. Where two bases have them, the
    one that the metadata's word, `says`, means, or `EITHER`."""
    families = [
        *(
            (base.TITLE, layer, None, width)
            for base in bases().values()
            for layer, width in [base.RECOGNISED_BY]
        ),
        *((title, layer, None, width) for title, layer, width, _ in NO_BASE),
        *FLUX_SIZES,
    ]
    for title, layer, outputs, inputs in families:
        for name, (rows, columns) in sizes.items():
            if columns == inputs and outputs in (None, rows) and re.search(layer, name):
                return title
    if not any(columns == SHARED_WIDTH and re.search(SHARED, name) for name, (_, columns) in sizes.items()):
        return None
    meant = [title for title in ("FLUX.1", KLEIN) if title in _titles(says)]
    return meant[0] if len(meant) == 1 else EITHER


def may_mean(says: str | None, shapes: str) -> bool:
    """Whether what metadata say may mean the base that the shapes are of; what is not known may mean any."""
    told = _titles(says)
    return bool(says) and (not told or any(title in shapes.split(" or ") for title in told))


def _titles(says: str | None) -> list[str]:
    """The bases that a word may mean."""
    words = {base.TITLE: base.SAID_AS for base in bases().values()} | {one[0]: one[3] for one in NO_BASE}
    return [title for title, word in words.items() if says and re.search(word, says, re.IGNORECASE)]
