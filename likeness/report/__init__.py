"""What was made of a persona, on one page and in a model card."""

from pydantic import BaseModel, ConfigDict, Field


class ReportConfig(BaseModel):
    """Section `report` of params.yaml; conf/report/default.yaml explains each key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_strips: int = Field(ge=0)
    max_refused: int = Field(ge=0)
    thumb_px: int = Field(ge=32)
    sample_px: int = Field(ge=32)
    jpeg_quality: int = Field(ge=20, le=95)
    max_page_bytes: int = Field(ge=100_000)
