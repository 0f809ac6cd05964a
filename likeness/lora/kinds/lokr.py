# pyright: basic
# (peft's layers are not typed)
"""LoKr: Kronecker products instead of matrices of low rank (Yeh et al., arXiv 2309.14859)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from likeness.lora.kinds.lora import ADAPTER, Lora

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from likeness.lora.config import AdapterConfig


class Lokr(Lora):
    """Of two factors; the second is whole, or decomposed where the rank is less than half its longer side."""

    NAME = "lokr"
    TENSORS = {name: name for name in ("lokr_w1", "lokr_w2", "lokr_w2_a", "lokr_w2_b")}
    SCALED = "lokr_w1"
    RANKED = "lokr_w2_b"
    MATRICES = False
    IN_PIPELINES = False
    LYCORIS = {"algo": "lokr", "factor": -1}

    @classmethod
    def settings(cls, cfg: AdapterConfig, layers: list[str]) -> Any:
        """See Lora."""
        from peft import LoKrConfig

        alpha: Any = cfg.alpha
        return LoKrConfig(r=cfg.rank, alpha=alpha, target_modules=layers)

    @classmethod
    def correct(cls, layer: Any) -> None:
        """See Lora: LyCORIS and its readers scale by alpha / rank only where a factor is decomposed."""
        if layer.lokr_w2:
            layer.scaling[ADAPTER] = 1.0

    @classmethod
    def file_settings(cls, layers: Mapping[str, Mapping[str, Tensor]], part: str) -> dict[str, object] | None:
        """See Lora."""
        if not any(cls.SCALED in tensors for tensors in layers.values()):
            return None
        ranks = [len(tensors[cls.RANKED]) for tensors in layers.values() if cls.RANKED in tensors]
        # Without a rank all factors are whole, as PEFT leaves them from half their longer side on.
        sides = (max(tensor.shape) for tensors in layers.values() for tensor in tensors.values())
        rank = ranks[0] if ranks else max(sides)
        targets = sorted(layer.removeprefix(f"{part}.") for layer in layers)
        return {
            f"{part}.r": rank,
            f"{part}.alpha": rank,
            f"{part}.target_modules": targets,
            f"{part}.decompose_factor": _factor(list(layers.values())),
        }


def _factor(layers: list[Mapping[str, Tensor]]) -> int:
    """LyCORIS' factor (-1 where it was left out), by which all layers' sides fall into the two that they have."""
    from peft.tuners.lokr.layer import factorization

    def sides(parts: Mapping[str, Tensor]) -> list[tuple[int, int]]:
        second = parts["lokr_w2"].shape if "lokr_w2" in parts else None
        others = second[:2] if second else (len(parts["lokr_w2_a"]), parts["lokr_w2_b"].shape[1])
        return list(zip(parts["lokr_w1"].shape, others, strict=True))

    pairs = [pair for parts in layers if {"lokr_w2", "lokr_w2_a"} & parts.keys() for pair in sides(parts)]
    candidates = [-1, *sorted({side for pair in pairs for side in pair})]
    return next((one for one in candidates if all(factorization(a * b, one) == (a, b) for a, b in pairs)), -1)


KIND = Lokr
