"""A second reading of LoRA files: how ComfyUI finds a layer of diffusers' UNet, and what it makes of its weights."""

import torch

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2")
CONVOLUTIONS = ("conv1", "conv2", "conv_shortcut", "time_emb_proj")
# The layers ComfyUI knows by diffusers' names, which its reader replaces dots in by underscores
# (comfy/utils.py UNET_MAP_ATTENTIONS, TRANSFORMER_BLOCKS, UNET_MAP_RESNET, unet_to_diffusers; read 2026-11).
IN_TRANSFORMER = {
    *(f"attn{number}.{part}" for number in (1, 2) for part in ("to_q", "to_k", "to_v", "to_out.0")),
    "ff.net.0.proj", "ff.net.2",
}  # fmt: skip
IN_ATTENTION, IN_RESNET = {"proj_in", "proj_out"}, set(CONVOLUTIONS)


def comfy_name(layer):
    """The key ComfyUI maps to a layer of diffusers' UNet, or None."""
    if ".transformer_blocks." in layer:
        known = layer.split(".transformer_blocks.")[1].partition(".")[2] in IN_TRANSFORMER
    elif ".attentions." in layer:
        known = layer.split(".attentions.")[1].partition(".")[2] in IN_ATTENTION
    else:
        known = ".resnets." in layer and layer.split(".resnets.")[1].partition(".")[2] in IN_RESNET
    return f"lora_unet_{layer.replace('.', '_')}" if known else None


@torch.no_grad()
def merged(unet, tensors, *, norm_of_change=True):
    """ComfyUI's reading of a file (comfy/weight_adapter/lora.py, lokr.py and base.py): the change is added to the weights.

    Returns the keys that it used. A `dora_scale` belongs to the norm of the changed weights, in LyCORIS and PEFT.
    ComfyUI today takes, per output, that of the weights before (`norm_of_change=False`); its pull request 15458, open
    in 2026-11, corrects it.
    """
    used = set()
    for layer, module in unet.named_modules():
        name = comfy_name(layer)
        parts = {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items()
                 if name and key.startswith(f"{name}.")}  # fmt: skip
        if not parts:
            continue
        used |= {f"{name}.{part}" for part in parts}
        weight = module.weight.data
        if "lokr_w1" in parts:
            first, second, scale = parts["lokr_w1"], parts.get("lokr_w2"), 1.0
            if second is None:
                second = parts["lokr_w2_a"] @ parts["lokr_w2_b"]
                scale = parts["alpha"] / len(parts["lokr_w2_b"])
            while first.ndim < second.ndim:
                first = first.unsqueeze(-1)
            change = scale * torch.kron(first, second)
        else:
            up, down = parts["lora_up.weight"], parts["lora_down.weight"]
            change = parts["alpha"] / len(down) * (up.flatten(1) @ down.flatten(1))
        changed = weight + change.reshape(weight.shape)
        if "dora_scale" in parts:
            assert parts["dora_scale"].shape == (len(weight), *[1] * (weight.ndim - 1))
            norm = (
                (changed if norm_of_change else weight)
                .flatten(1)
                .norm(dim=1)
                .reshape(parts["dora_scale"].shape)
            )
            changed = changed * parts["dora_scale"] / norm
        module.weight.data = changed
    return used
