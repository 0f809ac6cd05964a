"""The base that a LoRA file is of, by the shapes of its layers, and whether a word of its metadata may mean that base."""

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
    # FLUX.1, Qwen-Image and FLUX.2 klein 4B are as wide, and share names; each has layers, or more blocks, that others lack.
    ("Qwen-Image", r"(?<!single_)transformer_blocks[._](?:19|[2-5]\d)[._]", 3072, r"qwen"),
    ("FLUX.1", r"single_transformer_blocks[._]\d+[._](?:proj_mlp|attn[._]to_[qkv](?![a-z]))|"
     r"(?:double_|(?<!single_)transformer_)blocks[._](?:[5-9]|1[0-8])[._]|single_(?:transformer_)?blocks[._](?:2\d|3[0-7])[._]",
     3072, r"flux[-_ .]?1"),
    ("FLUX.2 dev", FLUX2, 6144, r"flux[-_ .]?2[-_]dev"),
    ("FLUX.2 klein 9B", FLUX2, 4096, r"klein[-_]9b"),
)  # fmt: skip


def family_of_shapes(widths: Mapping[str, int]) -> str | None:
    """The title of the base whose attention reads what layers of these names and widths read; None where they tell none."""
    own = [(base.TITLE, *base.RECOGNISED_BY) for base in bases().values()]
    for title, layer, width in (*own, *(one[:3] for one in NO_BASE)):
        if any(found == width and re.search(layer, name) for name, found in widths.items()):
            return title
    return None


def is_known(title: str) -> bool:
    """Whether a base of this title can be trained here."""
    return title in {base.TITLE for base in bases().values()}


def may_mean(says: str | None, shapes: str) -> bool:
    """Whether what metadata say may mean the base that the shapes are of; what is not known may mean any."""
    words = {base.TITLE: base.SAID_AS for base in bases().values()} | {one[0]: one[3] for one in NO_BASE}
    told = [title for title, word in words.items() if says and re.search(word, says, re.IGNORECASE)]
    return bool(says) and (not told or shapes in told)
