"""Caption: one sentence an image, in the words a person would use. Two Protocols, one module per provider.

text.py         trigger, explicit words, a person's own captions
items.py        one image through the stage
attributes.py   what is measured from the image (regions.py, colour.py, attribute_text.py)
vlm.py          a local image-text-to-text model
grok.py         xAI's Responses API
grok_batch.py   the same in batches: slower, cheaper
openai.py       any server that speaks OpenAI's chat completions: vLLM, Ollama, LM Studio
vision_chat.py  what these three share: settings, the purchase, tokens and their price (vision_answer.py)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from pydantic import Field

from likeness.providers import ProviderSection, Task

if TYPE_CHECKING:
    from likeness.images import RGB
    from likeness.pipeline.manifest import FaceEntry


class CaptionConfig(ProviderSection):
    """Section `caption` of params.yaml."""

    task: ClassVar[Task] = "caption"

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
        is whom a purchase is for, in the history's words.

        Raises:
            InputError: the image cannot be described.
        """
        ...
