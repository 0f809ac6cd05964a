"""Captions bought from xAI: the Responses API, nothing stored there, the answer held to a schema.

Source: docs.x.ai (Responses, language models, errors), read 2026-11; docs/providers.md names what is guessed.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, ClassVar, Literal, cast

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as settings

from likeness.caption import Captioner, Described
from likeness.caption.vision_chat import SCHEMA, count, data_url, delivery, described, mapping, says, usd_of
from likeness.errors import AuthError, ConfigError, InDoubtError, LikenessError, QuotaError
from likeness.http import Auth, Client, Reply
from likeness.images import RGB
from likeness.pipeline.manifest import FaceEntry
from likeness.purchases.buy import Buyer, Delivery, Purchase
from likeness.purchases.prices import Prices
from likeness.store.items import Json, item_key, sha256_pixels
from likeness.vendors.remote import Remote

# Raised when an equal order would be another one.
ORDER_VERSION = 1


@settings(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class GrokCaptioner(Remote):
    """Asks `model` the question `prompt` about each picture, sent with a longest side of `side_px`;
    `max_input_tokens` is what a plan and the budget count a question with."""

    api_key_env: str
    model: str = Field(min_length=1)
    prompt: str = Field(min_length=1)
    detail: Literal["low", "high", "auto"]
    side_px: int = Field(ge=64, le=4096)
    max_input_tokens: int = Field(ge=1)
    max_output_tokens: int = Field(ge=16)

    name: ClassVar[str] = "grok"

    def identity(self) -> dict[str, Json]:
        """The model, the question and what changes the answer."""
        asked = ("model", "prompt", "detail", "side_px", "max_output_tokens")
        return {"name": self.name, "schema": SCHEMA, **{key: getattr(self, key) for key in asked}}

    def usd_max(self, prices: Prices) -> float:
        """The most one caption can cost."""
        return usd_of(
            prices,
            "xai",
            self.model,
            input_tokens=self.max_input_tokens,
            output_tokens=self.max_output_tokens,
        )

    def purchase_key(self, pixels_sha256: str) -> str:
        """The key a caption is bought under: the trigger is no part of it."""
        return item_key("grok-caption", ORDER_VERSION, self.identity(), [pixels_sha256])

    @contextmanager
    def opened(self, buyer: Buyer) -> Generator[Captioner, None, None]:
        """Ready to buy; connects at the first purchase."""
        auth = Auth(header="Authorization", scheme="Bearer ", env=self.api_key_env)
        with Client(
            "xAI", self.base_url, auth=auth, limits=self.limits, stop=buyer.stop, translate=translate
        ) as client:
            yield Captions(self, client, buyer)


class Captions:
    """The captioner at work: one answer a call."""

    def __init__(self, settings: GrokCaptioner, client: Client, buyer: Buyer) -> None:
        self._settings, self._client, self._buyer = settings, client, buyer
        self._lock, self._ready = threading.Lock(), False

    def describe(self, rgb: RGB, *, face: FaceEntry | None, swapped: bool, item: str = "") -> Described:
        """The model's sentence; whether the face was swapped makes no difference to it."""
        bought = self._buyer.buy(
            Purchase(
                what="xai caption",
                item=item,
                key=self._settings.purchase_key(sha256_pixels(rgb)),
                usd_max=self._settings.usd_max(self._buyer.spending.prices),
                ready=self.check_model,
                order=lambda: self._order(rgb),
            )
        )
        return described(bought, "Grok")

    def check_model(self) -> None:
        """Ask once which models the key may use.

        Raises:
            ConfigError: not this one.
        """
        with self._lock:
            if self._ready:
                return
            listed = mapping(self._client.get("/language-models").json())
            models = cast("list[dict[str, Any]]", listed.get("models") or [])
            names = {name for model in models for name in (str(model.get("id")), *model.get("aliases", []))}
            if self._settings.model not in names:
                raise ConfigError(
                    f"caption.provider.model: the key may not use {self._settings.model!r}",
                    reason="unknown-model",
                    remedy=f"choose one of {', '.join(sorted(names))} that reads images",
                )
            self._ready = True

    def _order(self, rgb: RGB) -> Delivery:
        asked, tokens = self._settings, self._settings.max_input_tokens + self._settings.max_output_tokens
        body = question(asked, rgb)
        answer = mapping(self._client.post("/responses", body, safe=False, tokens=tokens).json())
        usage = mapping(answer.get("usage"))
        usd = usd_of(
            self._buyer.spending.prices, "xai", asked.model,
            input_tokens=count(usage, "input_tokens"), output_tokens=count(usage, "output_tokens"),
        )  # fmt: skip
        return delivery(output_text(answer), usd=usd, usage=usage, who="Grok")


def question(asked: GrokCaptioner, rgb: RGB) -> dict[str, Json]:
    """The body of a request of the Responses API."""
    image = {"type": "input_image", "image_url": data_url(rgb, asked.side_px), "detail": asked.detail}
    content = [image, {"type": "input_text", "text": asked.prompt}]
    schema = {"type": "json_schema", "name": "caption", "strict": True, "schema": SCHEMA}
    return {
        "model": asked.model,
        "store": False,
        "max_output_tokens": asked.max_output_tokens,
        "input": [{"role": "user", "content": content}],
        "text": {"format": schema},
    }


def output_text(answer: dict[str, Any]) -> str:
    """The text of a response: every `output_text` of its messages.

    Raises:
        InDoubtError: there is none; the call was paid all the same.
    """
    try:
        messages = cast("list[dict[str, Any]]", answer["output"])
        parts = [
            part
            for message in messages
            for part in cast("list[dict[str, Any]]", message.get("content") or [])
        ]
        text = "".join(str(part["text"]) for part in parts if part.get("type") == "output_text")
    except (KeyError, TypeError, AttributeError):
        text = ""
    if not text:
        raise InDoubtError("Grok's answer has no text", reason="bad-answer")
    return text


def translate(reply: Reply) -> LikenessError | None:
    """xAI's own errors in our words: 400 may be the key, 429 may be the credits."""
    if reply.status == 400 and says(reply.body, "api key"):
        return AuthError(
            "xAI does not know the key", remedy="check the variable that caption.provider.api_key_env names"
        )
    if reply.status in (402, 429) and says(reply.body, "credit", "spending limit"):
        return QuotaError(
            "xAI: the team's credits are used up",
            reason="credits",
            remedy="buy credits or raise the spending limit at console.x.ai, then run `dvc repro` again",
        )
    return None
