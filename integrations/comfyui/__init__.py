"""A ComfyUI node that loads likeness' tiny base, so that a LoRA of the demo can be tried in ComfyUI.

ComfyUI recognises a checkpoint by SDXL's exact widths, and the tiny base has others. The node builds ComfyUI's own
networks in these widths and gives them diffusers' weights; the nodes LoraLoader, CLIPTextEncode, KSampler and VAEDecode
then work as with any checkpoint. Install it from a clone of likeness (docs/comfyui.md):

    ln -s "$PWD/integrations/comfyui" /path/to/ComfyUI/custom_nodes/likeness

Read against ComfyUI 0.30.0.
"""

import json
from pathlib import Path

import comfy.diffusers_convert
import comfy.latent_formats
import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.sd
import comfy.sd1_clip
import comfy.sdxl_clip
import comfy.supported_models
import comfy.supported_models_base
import comfy.utils
import torch

# Behind the link that installs the node lies the clone.
TINY = Path(__file__).resolve().parents[2] / "likeness" / "diffusion" / "tiny"
CLIP_WORDS = 49408  # ComfyUI's CLIP always has as many; those that the tiny one lacks are never asked for
SIZES = 6  # height and width, of the original, the crop and the target


def _config(part):
    return json.loads((TINY / part / "config.json").read_bytes())


def _weights(part, name="model"):
    return comfy.utils.load_torch_file(str(TINY / part / f"{name}.safetensors"))


class _Multiple(float):
    """A level's channels over the first level's, 1.25 too; channels stay whole."""

    def __mul__(self, channels):
        return round(float(self) * channels)

    __rmul__ = __mul__


class _TinyModel(comfy.model_base.SDXL):
    def __init__(self, model_config, **options):
        super().__init__(model_config, **options)
        self.embedder = comfy.model_base.Timestep(_config("unet")["addition_time_embed_dim"])


class _TinySDXL(comfy.supported_models.SDXL):
    supported_inference_dtypes = (torch.float32,)

    def inpaint_model(self):
        return False  # 8 channels are the autoencoder's, not those of a mask

    def get_model(self, state_dict, prefix="", device=None):
        model = _TinyModel(self, model_type=self.model_type(state_dict, prefix), device=device)
        return _grouped(model, _config("unet")["norm_num_groups"])


class _TinyText(comfy.sdxl_clip.SDXLClipModel):
    def __init__(self, device="cpu", dtype=None, model_options=None):
        torch.nn.Module.__init__(self)
        self.clip_l, self.clip_g = (
            comfy.sd1_clip.SDClipModel(
                device=device,
                dtype=dtype,
                layer="hidden",
                layer_idx=-2,
                layer_norm_hidden_state=False,
                textmodel_json_config=(config := _config(part)),
                model_options=model_options or {},
                special_tokens={
                    "start": config["bos_token_id"],
                    "end": config["eos_token_id"],
                    "pad": config["pad_token_id"],
                },
            )
            for part in ("text_encoder", "text_encoder_2")
        )
        self.dtypes = {dtype}


class _TinyTokenizer(comfy.sdxl_clip.SDXLTokenizer):
    def __init__(self, embedding_directory=None, tokenizer_data=None):
        self.clip_l, self.clip_g = (
            comfy.sd1_clip.SDTokenizer(
                str(TINY / part),
                embedding_directory=embedding_directory,
                embedding_size=128,
                embedding_key=key,
            )
            for part, key in (("tokenizer", "clip_l"), ("tokenizer_2", "clip_g"))
        )


def _grouped(network, groups):
    """ComfyUI's norms are written for 32 groups; the tiny networks have fewer."""
    for module in network.modules():
        if isinstance(module, torch.nn.GroupNorm):
            module.num_groups = groups
    return network


def _unet():
    config, autoencoder = _config("unet"), _config("vae")
    first, levels = config["block_out_channels"][0], len(config["block_out_channels"])
    with_attention = ["Attn" in kind for kind in config["down_block_types"]]
    depths = [int(attends) for attends in with_attention for _ in range(config["layers_per_block"])]
    depths_up = [int(attends) for attends in with_attention for _ in range(config["layers_per_block"] + 1)]
    settings = _TinySDXL(
        {
            "image_size": config["sample_size"],
            "in_channels": config["in_channels"],
            "out_channels": config["out_channels"],
            "model_channels": first,
            "channel_mult": [_Multiple(width / first) for width in config["block_out_channels"]],
            "num_res_blocks": [config["layers_per_block"]] * levels,
            "transformer_depth": depths,
            "transformer_depth_output": depths_up,
            "transformer_depth_middle": config["transformer_layers_per_block"][-1],
            "context_dim": config["cross_attention_dim"],
            "num_classes": "sequential",
            "legacy": False,
            "adm_in_channels": config["projection_class_embeddings_input_dim"],
            "use_spatial_transformer": True,
            "use_linear_in_transformer": True,
            "use_checkpoint": False,
        }
    )
    # The base class writes its own number of channels a head over it.
    settings.unet_config["num_head_channels"] = first // config["attention_head_dim"][0]
    settings.latent_format = comfy.latent_formats.LatentFormat()
    settings.latent_format.scale_factor = autoencoder["scaling_factor"]
    settings.latent_format.latent_channels = autoencoder["latent_channels"]
    settings.set_inference_dtype(torch.float32, None)
    theirs = _weights("unet", "diffusion_pytorch_model")
    names = comfy.utils.unet_to_diffusers(settings.unet_config)
    weights = {names[name]: tensor for name, tensor in theirs.items()}
    model = settings.get_model(weights)
    missing, strange = model.diffusion_model.load_state_dict(
        {name: tensor.float() for name, tensor in weights.items()}, strict=False
    )
    if missing or strange:
        raise RuntimeError(f"the tiny base's UNet does not fit this ComfyUI: {missing[:3]} {strange[:3]}")
    return comfy.model_patcher.ModelPatcher(
        model,
        load_device=comfy.model_management.get_torch_device(),
        offload_device=comfy.model_management.unet_offload_device(),
    )


def _clip():
    target = comfy.supported_models_base.ClipTarget(_TinyTokenizer, _TinyText)
    clip = comfy.sd.CLIP(target, model_options={"dtype": torch.float32})
    for part, encoder in (
        ("text_encoder", clip.cond_stage_model.clip_l),
        ("text_encoder_2", clip.cond_stage_model.clip_g),
    ):
        # One of transformers' two CLIP classes has a level `text_model` more than the other.
        weights = {
            name
            if name.startswith(("text_model.", "text_projection."))
            else f"text_model.{name}": tensor.float()
            for name, tensor in _weights(part).items()
        }
        words = weights["text_model.embeddings.token_embedding.weight"]
        padding = torch.zeros(CLIP_WORDS - len(words), words.shape[1])
        weights["text_model.embeddings.token_embedding.weight"] = torch.cat([words, padding])
        encoder.load_sd(weights)
    return clip


def _vae():
    config = _config("vae")
    widths = config["block_out_channels"]
    settings = {
        "double_z": True,
        "z_channels": config["latent_channels"],
        "resolution": config["sample_size"],
        "in_channels": 3,
        "out_ch": 3,
        "ch": widths[0],
        "ch_mult": [width // widths[0] for width in widths],
        "num_res_blocks": config["layers_per_block"],
        "attn_resolutions": [],
        "dropout": 0.0,
    }
    vae = comfy.sd.VAE(
        comfy.diffusers_convert.convert_vae_state_dict(_weights("vae", "diffusion_pytorch_model")),
        config={"params": {"ddconfig": settings, "embed_dim": config["latent_channels"]}},
        dtype=torch.float32,
    )
    vae.latent_channels = config["latent_channels"]
    _grouped(vae.first_stage_model, config["norm_num_groups"])
    return vae


class TinyBaseLoader:
    """The base `tiny` of likeness as MODEL, CLIP and VAE."""

    RETURN_TYPES = ("MODEL", "CLIP", "VAE")
    FUNCTION = "load"
    CATEGORY = "likeness"

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}

    def load(self):
        return _unet(), _clip(), _vae()


NODE_CLASS_MAPPINGS = {"LikenessTinyBase": TinyBaseLoader}
NODE_DISPLAY_NAME_MAPPINGS = {"LikenessTinyBase": "Load likeness' tiny base"}
