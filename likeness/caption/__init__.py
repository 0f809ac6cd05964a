"""Caption: one sentence an image, in the words a person would use. Two Protocols, one module per provider.

text.py         trigger, explicit words, a person's own captions
work.py         one image through the stage
attributes.py   what is measured from the image (regions.py, colour.py, traits.py)
vlm.py          a local image-text-to-text model
grok.py         xAI's Responses API
grok_batch.py   the same in batches: slower, cheaper
openai.py       any server that speaks OpenAI's chat completions: vLLM, Ollama, LM Studio
asked.py        what the last two share: the picture sent, the answer's form, tokens and their price
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from likeness.images import RGB
from likeness.pipeline.manifest import FaceEntry
from likeness.purchases.buy import Buyer
from likeness.store.items import Json


class CaptionConfig(BaseModel):
    """Section `caption` of params.yaml; `provider` names a CaptionProvider and its options."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: dict[str, Any]
    max_failure_ratio: float = Field(ge=0, le=1)


@dataclass(frozen=True, kw_only=True)
class Described:
    """What an image shows, without the trigger, and what it cost."""

    text: str
    cost_usd: float = 0.0


class Captioner(Protocol):
    """Describes images; safe to call from several threads."""

    def describe(self, rgb: RGB, *, face: FaceEntry | None, swapped: bool, item: str = "") -> Described:
        """Describe uint8 [H, W, 3] RGB with the persona's `face`; `swapped`: it is in somebody else's photograph; `item`
        is whom a purchase is for, in the ledger's words.

        Raises:
            InputError: the image cannot be described.
        """
        ...


class CaptionProvider(Protocol):
    """What `caption.provider` names: settings, cheap to construct."""

    @property
    def name(self) -> str:
        """The provider as manifests name it."""
        ...

    def identity(self) -> dict[str, Json]:
        """Everything that decides the words: settings, weights digests; part of item keys."""
        ...

    def opened(self, till: Buyer) -> AbstractContextManager[Captioner]:
        """The captioner at work; paid ones buy at `till`."""
        ...
