# pyright: basic
# (diffusers pipelines are not typed)
"""FLUX.2 klein: text and picture in two streams, then in one, through a transformer that predicts a flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from likeness.diffusion.bases import TINY_TEXT_WIDTH, Condition
from likeness.diffusion.flow import PROMPT_TOKENS, FlowTransformer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor

    from likeness.diffusion.reference import Reference
    from likeness.images import RGB

PATCH = 2  # cells of latents a side of what the transformer sees as one token


# The original code's names, where diffusers has others. Not that of norm_out, which has its halves the other way round.
ORIGINAL = {
    "attn.to_qkv_mlp_proj": "linear1", "attn.to_out": "linear2", "attn.to_out.0": "img_attn.proj",
    "attn.to_add_out": "txt_attn.proj", "ff.linear_in": "img_mlp.0", "ff.linear_out": "img_mlp.2",
    "ff_context.linear_in": "txt_mlp.0", "ff_context.linear_out": "txt_mlp.2", "x_embedder": "img_in",
    "context_embedder": "txt_in", "time_guidance_embed.timestep_embedder.linear_1": "time_in.in_layer",
    "time_guidance_embed.timestep_embedder.linear_2": "time_in.out_layer", "proj_out": "final_layer.linear",
    "single_stream_modulation.linear": "single_stream_modulation.lin",
    "double_stream_modulation_img.linear": "double_stream_modulation_img.lin",
    "double_stream_modulation_txt.linear": "double_stream_modulation_txt.lin",
}  # fmt: skip
FUSED = {
    **{f"attn.to_{name}": ("img_attn.qkv", place) for place, name in enumerate("qkv")},
    **{f"attn.add_{name}_proj": ("txt_attn.qkv", place) for place, name in enumerate("qkv")},
}


class Flux2Klein(FlowTransformer):
    """A velocity at continuous times. Latents [C,H,W] are those of the VAE, normed as the pipeline norms its patches.

    Sources: black-forest-labs/FLUX.2-klein-base-4B, transformer/config.json; diffusers 0.42.1,
    pipelines/flux2/pipeline_flux2_klein.py and loaders/lora_pipeline.py (which refuses an alpha); ComfyUI, comfy/lora.py and
    flux_to_diffusers of comfy/utils.py; musubi-tuner, src/musubi_tuner/utils/sai_model_spec.py (all read 2026-11).
    """

    ARCHITECTURE = "flux2"
    TITLE = "FLUX.2 klein"
    PIPELINE = "Flux2KleinPipeline"
    NETWORK_CLASS = "Flux2Transformer2DModel"
    NOT_PACKED = r"emb|norm|modulation"
    REFERENCE = "itself"
    FILE_PREFIXES = {"transformer": "transformer."}
    FILE_ALPHA = False
    RECOGNISED_BY = (r"single_transformer_blocks[._]\d+[._]attn[._]to_qkv_mlp_proj", 3072)
    SAID_AS = r"flux[-_ .]?2(?![-_]dev|.*9b)"
    TRAINERS_NAME = "flux_2_klein_4b"
    MODELSPEC_NAME = "Flux.2-klein-4b"
    HUB_TAG = "flux2-klein"
    PUBLISHED_NETWORK = {
        "num_layers": 5,
        "num_single_layers": 20,
        "num_attention_heads": 24,
        "joint_attention_dim": 7680,
        "guidance_embeds": False,
    }
    PUBLISHED_VAE = 84.0e6
    THINKING = False
    TEXT_CLASSES = {"text_encoder": "Qwen3ForCausalLM"}
    TINY_TEXT_LAYERS = 27  # 9, 18 and 27 are read
    VAE_CLASS = "AutoencoderKLFlux2"
    TINY_NETWORK = {
        "in_channels": 32,
        "num_layers": 1,
        "num_single_layers": 2,
        "num_attention_heads": 4,
        "attention_head_dim": 16,
        "axes_dims_rope": (4, 4, 4, 4),
        "joint_attention_dim": 3 * TINY_TEXT_WIDTH,
        "timestep_guidance_channels": 32,
        "guidance_embeds": False,
    }
    TINY_VAE = {"latent_channels": 8}
    TINY_SCHEDULER = ("FlowMatchEulerDiscreteScheduler", {"shift": 3.0, "use_dynamic_shifting": True})

    @classmethod
    def prepare_tiny(cls, vae: Any) -> None:
        """See Base: the statistics that latents are normed by."""
        import torch

        torch.nn.init.normal_(vae.bn.running_mean, std=0.1)
        vae.bn.running_var.fill_(3.6**-2)

    @classmethod
    def other_names(cls, part: str, layer: str) -> Sequence[str]:
        """See Base."""
        block, inner = _in_block(layer)
        return (block + ORIGINAL[inner],) if inner in ORIGINAL else ()

    @classmethod
    def fused_name(cls, layer: str) -> tuple[str, int] | None:
        """See Base."""
        block, inner = _in_block(layer)
        name, place = FUSED.get(inner, (None, 0))
        return (block + name, place) if name else None

    @classmethod
    def incompatibility(cls, pipeline: Any) -> str | None:
        """See Base."""
        network, made = pipeline.transformer.config, pipeline.vae.config.latent_channels
        if network.in_channels != made * PATCH**2:
            return f"its transformer reads {network.in_channels} channels, patches of its VAE have {made * PATCH**2}"
        if network.guidance_embeds:
            return "it reads its guidance as FLUX.2 dev does; klein does not"
        return None

    def scale(self, latents: Tensor) -> Tensor:
        """See Base: by mean and deviation of each channel and place in a patch."""
        mean, deviation = self._statistics(latents)
        return (latents - mean) / deviation

    def unscale(self, latents: Tensor) -> Tensor:
        """See Base."""
        mean, deviation = self._statistics(latents)
        return latents * deviation + mean

    def _statistics(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        vae, (_, channels, height, width) = self.pipeline.vae, latents.shape
        deviation = (vae.bn.running_var + vae.config.batch_norm_eps).sqrt()
        tiled = (
            one.view(channels, PATCH, PATCH).repeat(1, height // PATCH, width // PATCH).to(latents)
            for one in (vae.bn.running_mean, deviation)
        )
        return next(tiled), next(tiled)

    def draw(self, *, negative_prompt: str, **options: Any) -> RGB:
        """See Base: the pipeline reads a negative prompt only as embeddings, and gives latents as its VAE reads them."""
        embeds, _ = self.pipeline.encode_prompt(negative_prompt, device=self.device)
        latents = self.pipeline(**options, negative_prompt_embeds=embeds, output_type="latent").images
        return self.decode_latents(self.scale(latents.float())[0])

    def reading(self, reference: Reference | None) -> dict[str, Any]:
        """See Base: its latents stand beside those that are drawn, as in klein's training on edits."""
        from PIL import Image

        return {} if reference is None else {"image": Image.fromarray(reference.rgb)}

    def read_prompt(self, text: str) -> Condition:
        """`embeds` [K,D]: three layers of the text encoder side by side, padding included."""
        embeds, _ = self.pipeline.encode_prompt(text, device=self.device)
        return {"embeds": embeds[0]}

    @property
    def prompt_shapes(self) -> dict[str, tuple[int, ...]]:
        """See Base."""
        return {"embeds": (PROMPT_TOKENS, self.network.config.joint_attention_dim)}

    @property
    def latent_channels(self) -> int:
        """See Base."""
        return self.network.config.in_channels // PATCH**2

    def predict(self, noisy: Tensor, timesteps: Tensor, condition: Condition) -> Tensor:
        """See Base: each patch is a token at its row and column, each word one at its number."""
        _, channels, height, width = noisy.shape
        rows, columns = height // PATCH, width // PATCH
        patches = noisy.to(self.dtype).view(-1, channels, rows, PATCH, columns, PATCH)
        embeds = condition["embeds"]
        velocity = self.network(
            hidden_states=patches.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2),
            timestep=timesteps,
            encoder_hidden_states=embeds,
            img_ids=_places(1, rows, columns, 1, device=noisy.device),
            txt_ids=_places(1, 1, 1, embeds.shape[1], device=noisy.device),
            return_dict=False,
        )[0]
        patches = velocity.view(-1, rows, columns, channels, PATCH, PATCH)
        return patches.permute(0, 3, 1, 4, 2, 5).reshape(-1, channels, height, width)


def _in_block(layer: str) -> tuple[str, str]:
    """The original name of a layer's block, with its dot, and diffusers' name of the layer in it."""
    kind, _, rest = layer.partition("transformer_blocks.")
    number, _, inner = rest.partition(".")
    if not inner:
        return "", layer
    return f"{'single' if kind == 'single_' else 'double'}_blocks.{number}.", inner


def _places(*sizes: int, device: torch.device) -> Tensor:
    """All positions [N,4] of a grid of pictures, rows, columns and words."""
    import torch

    return torch.cartesian_prod(*(torch.arange(size, device=device) for size in sizes))


BASES = (Flux2Klein,)
