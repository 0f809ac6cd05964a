"""How files call a LoRA's layers and tensors, of every kind: as Kohya's trainers do, which ComfyUI and A1111 read, or as diffusers.

Kohya: `LAYER.lora_down.weight` [r,in], `.lora_up.weight` [out,r] and a scalar `.alpha`; DoRA has a `.dora_scale` [out,1]
beside them (of the norm over each output's inputs, LyCORIS' `wd_on_output`), LoKr `.lokr_w1` and `.lokr_w2`, or
`.lokr_w2_a` [out2,r] and `.lokr_w2_b` [r,in2]. Readers scale by alpha / r; a LoKr without r has no scale.
diffusers: `unet.LAYER.lora_A.weight`, as PEFT calls them; here with the scale in the upper matrix.
Kohya's LAYER is `lora_unet_` and diffusers' name with its dots replaced; for transformers `diffusion_model.` and that name
as it is, which ComfyUI maps, too.
"""

from collections.abc import Callable, Mapping

from torch import Tensor

from likeness.errors import InputError

KOHYA = {
    "lora_A.weight": "lora_down.weight",
    "lora_B.weight": "lora_up.weight",
    "lora_magnitude_vector.weight": "dora_scale",
    "lokr_w1": "lokr_w1",
    "lokr_w2": "lokr_w2",
    "lokr_w2_a": "lokr_w2_a",
    "lokr_w2_b": "lokr_w2_b",
}
DIFFUSERS = {kohya: peft for peft, kohya in KOHYA.items()}
SCALED = ("lora_B.weight", "lokr_w1")  # what the scale is in
RANKED = ("lora_down.weight", "lokr_w2_b")  # whose first side is the rank
# Rounding these would lose more than the file would gain.
EXACT = ("alpha", "dora_scale")

# Words of diffusers' and transformers' names that have an underscore of their own.
WORDS = (
    "down_blocks", "mid_block", "up_blocks", "transformer_blocks", "proj_in", "proj_out", "to_q", "to_k", "to_v", "to_out",
    "conv_shortcut", "time_emb_proj", "text_model", "self_attn", "q_proj", "k_proj", "v_proj", "out_proj",
)  # fmt: skip
PREFIXES = {
    "lora_unet_": "unet", "lora_te_": "text_encoder", "lora_te1_": "text_encoder", "lora_te2_": "text_encoder_2",
    "diffusion_model.": "transformer",
}  # fmt: skip


def kohya_layer(name: str, *, encoders: int) -> str:
    """Kohya's name of diffusers' PART.LAYER in a pipeline with so many text encoders."""
    part, _, layer = name.partition(".")
    if part == "transformer":
        return f"diffusion_model.{layer}"
    layer = layer.replace(".", "_")
    if part == "unet":
        return f"lora_unet_{layer}"
    number = "" if encoders == 1 else "2" if part.endswith("2") else "1"
    # One of transformers' two CLIP classes has a level more than the other.
    return f"lora_te{number}_text_model_{layer.removeprefix('text_model_')}"


def diffusers_layer(name: str) -> str:
    """diffusers' PART.LAYER of Kohya's name; InputError `lora-names` if it is another naming's."""
    prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), "")
    layer = name.removeprefix(prefix)
    if prefix.startswith("lora_"):
        for word in WORDS:
            layer = layer.replace(word, word.replace("_", "-"))
        layer = layer.replace("_", ".").replace("-", "_")
    if not prefix or layer.startswith(("input.blocks", "middle.block", "output.blocks")):
        raise InputError(f"the layer {name} is not called as diffusers calls it", reason="lora-names",
                         remedy="give a file that likeness or another trainer on diffusers made")  # fmt: skip
    return f"{PREFIXES[prefix]}.{layer}"


def split(name: str) -> tuple[str, str]:
    """(layer, part) of a tensor's name in either form; InputError `lora-names` if it has none of these parts."""
    for part in (*KOHYA, *DIFFUSERS, "alpha"):
        if name.endswith(f".{part}"):
            return name.removesuffix(f".{part}"), part
    raise InputError(f"{name} is no tensor of a LoRA, DoRA or LoKr that is known here", reason="lora-names",
                     remedy="give a file with Kohya's or diffusers' names")  # fmt: skip


def by_layer(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """The tensors by layer and part."""
    layers: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        layer, part = split(name)
        layers.setdefault(layer, {})[part] = tensor
    return layers


def kohya_form(part: str, tensor: Tensor) -> Tensor:
    """PEFT's tensor as a Kohya file has it: magnitudes [out] or [1,out,1,1] become [out,1] or [out,1,1,1]."""
    if part != "lora_magnitude_vector.weight":
        return tensor
    return tensor.unsqueeze(1) if tensor.ndim == 1 else tensor.transpose(0, 1)


def diffusers_tensors(tensors: Mapping[str, Tensor], layer_of: Callable[[str], str]) -> dict[str, Tensor]:
    """A Kohya file's tensors under diffusers' names; `layer_of` tells PART.LAYER.

    Raises:
        InputError: `lora-names`, a tensor of another kind.
    """
    found: dict[str, Tensor] = {}
    for layer, parts in by_layer(tensors).items():
        rank = next((len(parts[part]) for part in RANKED if part in parts), None)
        scale = parts["alpha"].item() / rank if rank and "alpha" in parts else 1.0
        for part, tensor in parts.items():
            if part == "alpha":
                continue
            peft = DIFFUSERS[part]
            if peft in SCALED:
                tensor = (tensor.float() * scale).to(tensor.dtype)
            elif part == "dora_scale":
                tensor = tensor.squeeze(1) if tensor.ndim == 2 else tensor.transpose(0, 1)
            found[f"{layer_of(layer)}.{peft}"] = tensor
    return found


def lokr_config(tensors: Mapping[str, Tensor], part: str) -> dict[str, object] | None:
    """What PEFT needs to know to hold these diffusers tensors of one part; None unless they are a LoKr's."""
    layers = by_layer(tensors)
    if not any("lokr_w1" in parts for parts in layers.values()):
        return None
    ranks = [len(parts["lokr_w2_b"]) for parts in layers.values() if "lokr_w2_b" in parts]
    # Without a rank all factors are whole, as PEFT leaves them from half their longer side on.
    rank = ranks[0] if ranks else max(max(tensor.shape) for tensor in tensors.values())
    targets = sorted(layer.removeprefix(f"{part}.") for layer in layers)
    return {f"{part}.r": rank, f"{part}.alpha": rank, f"{part}.target_modules": targets}
