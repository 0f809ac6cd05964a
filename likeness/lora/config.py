"""Section `train.lora` of params.yaml; no torch here."""

from typing import Annotated

from pydantic import Field

from likeness.lora.kinds import kinds
from likeness.settings import Section, among


class AdapterConfig(Section):
    """Which kind of LoRA, how large, and in which layers; conf/train/default.yaml explains each key."""

    kind: Annotated[str, among(kinds)]
    rank: int = Field(ge=1, le=1024)
    alpha: float = Field(gt=0)
    rank_stabilized: bool
    targets: tuple[str, ...] = Field(min_length=1)
    blocks: tuple[str, ...] = Field(min_length=1)
    dropout: float = Field(ge=0, lt=1)

    @property
    def file_rank(self) -> int:
        """The rank of a file."""
        return self.rank * kinds()[self.kind].FILE_RANKS

    @property
    def file_alpha(self) -> float:
        """The alpha of a file: readers scale by alpha / rank, and rank-stabilized LoRA by alpha / sqrt(rank)."""
        alpha = self.alpha * self.rank**0.5 if self.rank_stabilized else self.alpha
        return alpha * self.file_rank / self.rank
