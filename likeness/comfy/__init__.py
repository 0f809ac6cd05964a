"""The LoRA in a ComfyUI server: a workflow for a person, and a test that the server draws with it what we draw."""

from pydantic import Field

from likeness.http.rate_limit import Limits
from likeness.settings import Section


class ComfyConfig(Section):
    """Section `comfy` of params.yaml; conf/comfy/default.yaml explains each key."""

    base_url: str
    api_key_env: str | None
    lora_folder: str | None
    checkpoint: str | None
    sampler: str = Field(min_length=1)
    scheduler: str = Field(min_length=1)
    max_agreement_loss_db: float = Field(gt=0)
    poll_s: float = Field(gt=0)
    job_limit_s: float = Field(gt=0)
    max_failure_ratio: float = Field(ge=0, le=1)
    limits: Limits
