"""Captions from xAI's Responses API, without storage there; the answer follows a schema.

Source: docs.x.ai (Responses, language models, errors), read 2026-11; docs/providers.md names what is guessed.
"""

from typing import Any, ClassVar, Literal, cast

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as settings

from likeness.caption.vision_answer import SCHEMA, mapping, says
from likeness.caption.vision_chat import VisionChat, data_url
from likeness.digests import Json
from likeness.errors import AuthError, ConfigError, LikenessError, QuotaError
from likeness.http.client import Client
from likeness.http.responses import Response
from likeness.images import RGB
from likeness.store.keys import item_key

# Raised when an equal order would be another one.
ORDER_VERSION = 1


@settings(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class GrokCaptioner(VisionChat):
    """Grok; `detail` is how finely it looks at a picture."""

    api_key_env: str
    detail: Literal["low", "high", "auto"]

    name: ClassVar[str] = "grok"
    server: ClassVar[str] = "xAI"
    vendor: ClassVar[str] = "xai"
    path: ClassVar[str] = "/responses"
    tokens: ClassVar[tuple[str, str]] = ("input_tokens", "output_tokens")

    @property
    def who(self) -> str:
        """Whatever the model."""
        return "Grok"

    def identity(self) -> dict[str, Json]:
        """The model, the question and what changes the answer."""
        asked = ("model", "prompt", "detail", "side_px", "max_output_tokens")
        return {"name": self.name, "schema": SCHEMA, **{key: getattr(self, key) for key in asked}}

    def purchase_key(self, pixels_sha256: str) -> str:
        """The key a caption is bought under: the trigger is no part of it."""
        return item_key("grok-caption", ORDER_VERSION, self.identity(), [pixels_sha256])

    def check(self, client: Client) -> None:
        """Ask which models the key may use.

        Raises:
            ConfigError: not this one.
        """
        listed = mapping(client.get("/language-models").json())
        models = cast("list[dict[str, Any]]", listed.get("models") or [])
        names = {name for model in models for name in (str(model.get("id")), *model.get("aliases", []))}
        if self.model not in names:
            raise ConfigError(
                f"caption.provider.model: the key may not use {self.model!r}",
                reason="unknown-model",
                remedy=f"choose one of {', '.join(sorted(names))} that reads images",
            )

    def body(self, rgb: RGB) -> dict[str, Json]:
        """A request of the Responses API."""
        image = {"type": "input_image", "image_url": data_url(rgb, self.side_px), "detail": self.detail}
        content = [image, {"type": "input_text", "text": self.prompt}]
        schema = {"type": "json_schema", "name": "caption", "strict": True, "schema": SCHEMA}
        return {
            "model": self.model,
            "store": False,
            "max_output_tokens": self.max_output_tokens,
            "input": [{"role": "user", "content": content}],
            "text": {"format": schema},
        }

    def text(self, answer: dict[str, Any]) -> str:
        """Every `output_text` of the answer's messages."""
        try:
            messages = cast("list[dict[str, list[dict[str, Any]] | None]]", answer["output"])
            parts = [part for message in messages for part in message.get("content") or []]
            return "".join(part["text"] for part in parts if part["type"] == "output_text")
        except (KeyError, TypeError, AttributeError):
            return ""

    def translate(self, response: Response) -> LikenessError | None:
        """400 may be the key, 429 may be the credits."""
        if response.status == 400 and says(response.body, "api key"):
            remedy = "check the variable that caption.provider.api_key_env names"
            return AuthError("xAI does not know the key", remedy=remedy)
        if response.status in (402, 429) and says(response.body, "credit", "spending limit"):
            return QuotaError(
                "xAI: the team's credits are used up",
                reason="credits",
                remedy="buy credits or raise the spending limit at console.x.ai, then run `dvc repro` again",
            )
        return None
