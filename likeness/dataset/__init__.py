"""The training set: images and captions in Kohya's layout, cards, and a zip with reproducible bytes."""

from typing import Literal

from pydantic import Field

from likeness.settings import Section


class KohyaConfig(Section):
    """What dataset.toml tells a Kohya-compatible trainer."""

    resolution_px: int = Field(ge=64)
    batch_size: int = Field(ge=1)
    bucket_reso_steps: int = Field(ge=8)
    shuffle_caption: bool
    keep_tokens: int = Field(ge=0)


class DatasetConfig(Section):
    """Section `dataset` of params.yaml; conf/dataset/default.yaml explains each key."""

    side_px: int | None = Field(ge=64)
    jpeg_quality: int = Field(ge=50, le=100)
    repeats: int | Literal["balanced"]
    allow_review: bool
    license: str = Field(min_length=1)
    max_failure_ratio: float = Field(ge=0, le=1)
    kohya: KohyaConfig
