# pyright: basic
# (peft's layers are not typed)
"""DoRA: a magnitude for each output beside the LoRA (Liu et al., arXiv 2402.09353)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from likeness.lora.kinds.lora import ADAPTER, Lora

if TYPE_CHECKING:
    from likeness.lora.config import AdapterConfig


class Dora(Lora):
    """ComfyUI reads it; diffusers' pipelines drop the magnitudes."""

    NAME = "dora"
    TENSORS = {**Lora.TENSORS, "lora_magnitude_vector.weight": "dora_scale"}
    IN_PIPELINES = False
    LYCORIS = {"algo": "lora", "dora_wd": True, "wd_on_output": True}

    @classmethod
    def settings(cls, cfg: AdapterConfig, layers: list[str]) -> Any:
        """See Lora."""
        settings = super().settings(cfg, layers)
        settings.use_dora = True
        return settings

    @classmethod
    def correct(cls, layer: Any) -> None:
        """See Lora: the magnitudes, measured again."""
        layer.lora_magnitude_vector[ADAPTER].update_layer(
            base_layer=layer.get_base_layer(),
            lora_A=layer.lora_A[ADAPTER].weight,
            lora_B=layer.lora_B[ADAPTER].weight,
            scaling=layer.scaling[ADAPTER],
        )


KIND = Dora
