"""What was made of a persona, on one page and in a model card."""

from pydantic import Field

from likeness.settings import Section


class ReportConfig(Section):
    """Section `report` of params.yaml; conf/report/default.yaml explains each key."""

    max_strips: int = Field(ge=0)
    max_refused: int = Field(ge=0)
    max_rows: int = Field(ge=0)
    thumb_px: int = Field(ge=32)
    sample_px: int = Field(ge=32)
    jpeg_quality: int = Field(ge=20, le=95)
    max_page_bytes: int = Field(ge=100_000)
