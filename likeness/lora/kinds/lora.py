# pyright: basic
# (peft's layers are not typed)
"""LoRA: a product of two small matrices beside the weights (Hu et al., arXiv 2106.09685). Other kinds say what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from likeness.lora.config import AdapterConfig

ADAPTER = "default"  # PEFT's name of what is trained
START = "start"  # and of what it began as, where that is subtracted


class Lora:
    """A kind's facts, and how it is put into a module of the base."""

    NAME: ClassVar[str] = "lora"
    # PEFT's names of its tensors, and what Kohya's trainers or LyCORIS call them.
    TENSORS: ClassVar[Mapping[str, str]] = {
        "lora_A.weight": "lora_down.weight",
        "lora_B.weight": "lora_up.weight",
    }
    # By PEFT's names: the tensor that the scale is in, and the one whose first side is the rank.
    SCALED: ClassVar[str] = "lora_B.weight"
    RANKED: ClassVar[str] = "lora_A.weight"
    # Whether it has those two matrices, of which dropout, LoRA+ and the rank-stabilized scale speak.
    MATRICES: ClassVar[bool] = True
    # Whether diffusers' pipelines read its files; else they are loaded into the network alone.
    IN_PIPELINES: ClassVar[bool] = True
    # Ranks of a file to one that is trained; frozen numbers to one that is trained.
    FILE_RANKS: ClassVar[int] = 1
    FROZEN: ClassVar[int] = 0
    # `network_args` of what LyCORIS has and sd-scripts has not (lycoris/kohya.py).
    LYCORIS: ClassVar[Mapping[str, object] | None] = None

    @classmethod
    def settings(cls, cfg: AdapterConfig, layers: list[str]) -> Any:
        """PEFT's settings."""
        from peft import LoraConfig

        alpha: Any = cfg.alpha  # annotated int, but PEFT only divides it by the rank
        return LoraConfig(
            r=cfg.rank,
            lora_alpha=alpha,
            use_rslora=cfg.rank_stabilized,
            lora_dropout=cfg.dropout,
            target_modules=layers,
        )

    @classmethod
    def start(cls, module: Any, settings: Any) -> None:
        """Change what PEFT drew for a module's layers."""

    @classmethod
    def correct(cls, layer: Any) -> None:
        """Put right what PEFT computed in the base's type, once the layer's weights are float32."""

    @classmethod
    def file_settings(cls, layers: Mapping[str, Mapping[str, Tensor]], part: str) -> dict[str, object] | None:
        """What PEFT must know, beside the tensors of a part by layer, to hold a file; None where they are enough."""
        return None


KIND = Lora
