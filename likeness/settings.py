"""What all models of settings have in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section of params.yaml: frozen, no unknown keys; defaults are in conf/ only."""

    model_config = ConfigDict(frozen=True, extra="forbid")
