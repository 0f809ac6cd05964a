"""Resize: a crop that keeps the face whole and large enough, at one size or in equal-area buckets.

crop.py     where to cut and what size it becomes (numbers only)
fit.py      cut and resample a file, decoding no more of a JPEG than is needed
"""

from pydantic import Field, model_validator

from likeness.settings import Section


class ResizeConfig(Section):
    """Section `resize` of params.yaml; conf/resize/*.yaml explain each key."""

    side_px: int = Field(ge=64)
    step_px: int = Field(ge=8)
    max_aspect: float = Field(ge=1, le=4)
    face_fraction_min: float = Field(ge=0, lt=1)
    max_upscale: float = Field(ge=1)
    headroom: float = Field(ge=0, le=2)
    max_failure_ratio: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _side_is_whole_steps(self) -> "ResizeConfig":
        if self.side_px % self.step_px:
            raise ValueError(f"side_px {self.side_px} must be a multiple of step_px {self.step_px}")
        return self
