"""Captions from any server that speaks OpenAI's chat completions: vLLM, Ollama, LM Studio, or a paid one.

Source: https://platform.openai.com/docs/api-reference/chat, read 2026-11.
"""

from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as settings

from likeness.caption.vision_answer import SCHEMA, says
from likeness.caption.vision_chat import VisionChat, data_url
from likeness.digests import Json
from likeness.errors import ConfigError, LikenessError, QuotaError
from likeness.http.responses import Response
from likeness.images import RGB
from likeness.store.keys import item_key

# Raised when an equal order would be another one.
ORDER_VERSION = 1
COMPLETION_TOKENS = ("prompt_tokens", "completion_tokens")


@settings(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class OpenAICaptioner(VisionChat):
    """`priced_as` is the name in conf/prices.yaml (`local` for one's own machine)."""

    priced_as: str = Field(min_length=1)
    temperature: float = Field(ge=0, le=2)

    name: ClassVar[str] = "openai"
    server: ClassVar[str] = "the caption server"
    vendor: ClassVar[str] = "openai"
    path: ClassVar[str] = "/chat/completions"
    tokens: ClassVar[tuple[str, str]] = COMPLETION_TOKENS

    @property
    def price_name(self) -> str:
        """As set."""
        return self.priced_as

    def identity(self) -> dict[str, Json]:
        """The server's host (models of one name differ between servers), the model and the question."""
        asked = ("model", "prompt", "side_px", "max_output_tokens", "temperature")
        server = {"name": self.name, "host": urlsplit(self.base_url).hostname, "schema": SCHEMA}
        return server | {key: getattr(self, key) for key in asked}

    def purchase_key(self, pixels_sha256: str) -> str:
        """The key a caption is bought under: the trigger is no part of it."""
        return item_key("openai-caption", ORDER_VERSION, self.identity(), [pixels_sha256])

    def body(self, rgb: RGB) -> dict[str, Json]:
        """A request for a chat completion."""
        image = {"type": "image_url", "image_url": {"url": data_url(rgb, self.side_px)}}
        content = [image, {"type": "text", "text": self.prompt}]
        schema = {"name": "caption", "strict": True, "schema": SCHEMA}
        return {
            "model": self.model,
            "max_tokens": self.max_output_tokens,
            "temperature": self.temperature,
            "messages": [{"role": "user", "content": content}],
            "response_format": {"type": "json_schema", "json_schema": schema},
        }

    def text(self, answer: dict[str, Any]) -> str:
        """That of the first choice."""
        return completion_text(answer)

    def translate(self, response: Response) -> LikenessError | None:
        """404 is the address or the model, 429 may be the account."""
        if response.status == 404:
            return ConfigError(
                f"the caption server has no such address or model: {response.words}",
                remedy="correct caption.provider.base_url (Ollama's ends in /v1) and .model in conf/; a local server may have "
                "to fetch the model first",
            )
        if response.status == 429 and says(response.body, "insufficient_quota", "billing"):
            return QuotaError(
                "the caption server's account is used up",
                reason="credits",
                remedy="add credit with the provider, then run `dvc repro` again",
            )
        return None


def completion_text(answer: dict[str, Any]) -> str:
    """The text of a completion's first choice; nothing where it has none."""
    try:
        text = answer["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        return ""
    return text if isinstance(text, str) else ""
