"""Captions from any server that speaks OpenAI's chat completions: vLLM, Ollama, LM Studio, or a paid one.

Source: https://platform.openai.com/docs/api-reference/chat, read 2026-11.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as settings

from likeness.caption import Captioner, Described
from likeness.caption.vision_chat import SCHEMA, count, data_url, delivery, described, mapping, says, usd_of
from likeness.errors import InDoubtError, LikenessError, QuotaError
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
class OpenAICaptioner(Remote):
    """Asks `model` the question `prompt`; `priced_as` is the name in conf/prices.yaml (`local` for one's own machine);
    the rest as in GrokCaptioner."""

    model: str = Field(min_length=1)
    priced_as: str = Field(min_length=1)
    prompt: str = Field(min_length=1)
    side_px: int = Field(ge=64, le=4096)
    max_input_tokens: int = Field(ge=1)
    max_output_tokens: int = Field(ge=16)
    temperature: float = Field(ge=0, le=2)

    name: ClassVar[str] = "openai"

    def identity(self) -> dict[str, Json]:
        """The server's host (models of one name differ between servers), the model and the question."""
        asked = ("model", "prompt", "side_px", "max_output_tokens", "temperature")
        host = urlsplit(self.base_url).hostname
        return {
            "name": self.name,
            "host": host,
            "schema": SCHEMA,
            **{key: getattr(self, key) for key in asked},
        }

    def usd_max(self, prices: Prices) -> float:
        """The most one caption can cost."""
        return usd_of(
            prices, "openai", self.priced_as,
            input_tokens=self.max_input_tokens, output_tokens=self.max_output_tokens,
        )  # fmt: skip

    def purchase_key(self, pixels_sha256: str) -> str:
        """The key a caption is bought under: the trigger is no part of it."""
        return item_key("openai-caption", ORDER_VERSION, self.identity(), [pixels_sha256])

    @contextmanager
    def opened(self, buyer: Buyer) -> Generator[Captioner, None, None]:
        """Ready to ask; connects at the first picture."""
        env = self.api_key_env
        auth = None if env is None else Auth(header="Authorization", scheme="Bearer ", env=env)
        with Client(
            "the caption server",
            self.base_url,
            auth=auth,
            limits=self.limits,
            stop=buyer.stop,
            translate=_translate,
        ) as client:
            yield _Captions(self, client, buyer)


class _Captions:
    def __init__(self, settings: OpenAICaptioner, client: Client, buyer: Buyer) -> None:
        self._settings, self._client, self._buyer = settings, client, buyer

    def describe(self, rgb: RGB, *, face: FaceEntry | None, swapped: bool, item: str = "") -> Described:
        """The model's sentence; whether the face was swapped makes no difference to it."""
        bought = self._buyer.buy(
            Purchase(
                what="openai caption",
                item=item,
                key=self._settings.purchase_key(sha256_pixels(rgb)),
                usd_max=self._settings.usd_max(self._buyer.spending.prices),
                ready=self._reachable,
                order=lambda: self._order(rgb),
            )
        )
        return described(bought, self._settings.model)

    def _reachable(self) -> None:
        """Nothing is asked beforehand: not every server lists its models."""

    def _order(self, rgb: RGB) -> Delivery:
        asked = self._settings
        image = {"type": "image_url", "image_url": {"url": data_url(rgb, asked.side_px)}}
        content = [image, {"type": "text", "text": asked.prompt}]
        schema = {"name": "caption", "strict": True, "schema": SCHEMA}
        body: dict[str, Json] = {
            "model": asked.model,
            "max_tokens": asked.max_output_tokens,
            "temperature": asked.temperature,
            "messages": [{"role": "user", "content": content}],
            "response_format": {"type": "json_schema", "json_schema": schema},
        }
        tokens = asked.max_input_tokens + asked.max_output_tokens
        answer = mapping(self._client.post("/chat/completions", body, safe=False, tokens=tokens).json())
        usage = mapping(answer.get("usage"))
        usd = usd_of(
            self._buyer.spending.prices, "openai", asked.priced_as,
            input_tokens=count(usage, "prompt_tokens"), output_tokens=count(usage, "completion_tokens"),
        )  # fmt: skip
        return delivery(message_text(answer), usd=usd, usage=usage, who=asked.model)


def message_text(answer: dict[str, Any]) -> str:
    """The text of the first choice.

    Raises:
        InDoubtError: there is none; the call was paid all the same.
    """
    try:
        text = answer["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        text = None
    if not isinstance(text, str) or not text:
        raise InDoubtError("the caption server's answer has no text", reason="bad-answer")
    return text


def _translate(reply: Reply) -> LikenessError | None:
    if reply.status == 429 and says(reply.body, "insufficient_quota", "billing"):
        return QuotaError(
            "the caption server's account is used up",
            reason="credits",
            remedy="add credit with the provider, then run `dvc repro` again",
        )
    return None
