"""How well the LoRA does its work: identity, effect, and the pictures to judge by eye."""

from pydantic import BaseModel, ConfigDict, Field


class EvaluateConfig(BaseModel):
    """Section `evaluate` of params.yaml; conf/evaluate/default.yaml explains each key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompts: tuple[str, ...] = Field(min_length=1)
    negative_prompt: str
    seeds: tuple[int, ...] = Field(min_length=1)
    steps: int = Field(ge=1)
    guidance_scale: float = Field(ge=0)
    lora_scale: float = Field(ge=0)
    side_px: int | None = Field(ge=32)
    jpeg_quality: int = Field(ge=50, le=100)
    yaw_edges_deg: tuple[float, ...]
    max_failure_ratio: float = Field(ge=0, le=1)
    cell_px: int = Field(ge=64)
