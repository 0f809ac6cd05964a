"""Captioners that ask a remote model: settings, the purchase of a caption, tokens at their price.

What differs between vendors is a subclass's: the body of a request, where the text and the tokens stand in an answer, and
the vendor's own errors.
"""

import base64
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from PIL import Image
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as settings

from likeness.caption import Captioner, Described
from likeness.caption.vision_answer import ANSWER, caption_of, is_answer, mapping
from likeness.digests import Json, sha256_pixels
from likeness.errors import InDoubtError, InputError, LikenessError
from likeness.http.auth import Auth
from likeness.http.client import Client
from likeness.http.responses import Response
from likeness.images import RGB, jpeg_bytes
from likeness.pipeline.manifest import FaceEntry
from likeness.purchases.buy import Buyer, Delivery, Job, PendingOrder, Purchase
from likeness.purchases.prices import Prices, price_of
from likeness.safety.gates import Subject, refuse
from likeness.vendors.remote import Remote

JPEG_QUALITY = 90
PER_MILLION = 1e-6

TokenNames = tuple[str, str]
"""What an answer's usage calls the tokens read and the tokens written."""


@settings(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class VisionChat(Remote):
    """Asks `model` the question `prompt` about each picture, sent with a longest side of `side_px`;
    `max_input_tokens` is what a plan and the budget count a question with."""

    model: str = Field(min_length=1)
    prompt: str = Field(min_length=1)
    side_px: int = Field(ge=64, le=4096)
    max_input_tokens: int = Field(ge=1)
    max_output_tokens: int = Field(ge=16)

    server: ClassVar[str]
    vendor: ClassVar[str]
    path: ClassVar[str]
    tokens: ClassVar[TokenNames]

    @property
    def who(self) -> str:
        """The model in messages."""
        return self.model

    @property
    def price_name(self) -> str:
        """The model in conf/prices.yaml."""
        return self.model

    def usd(self, prices: Prices, input_tokens: int, output_tokens: int) -> float:
        """What a call with so many tokens costs."""
        name = self.price_name
        into, out = (price_of(prices, self.vendor, f"{name} {kind}").usd for kind in ("input", "output"))
        return (input_tokens * into + output_tokens * out) * PER_MILLION

    def usd_max(self, prices: Prices) -> float:
        """The most one caption can cost."""
        return self.usd(prices, self.max_input_tokens, self.max_output_tokens)

    def purchase_key(self, pixels_sha256: str) -> str:
        """The key a caption is bought under: the trigger is no part of it."""
        raise NotImplementedError

    def body(self, rgb: RGB) -> dict[str, Json]:
        """The request about a picture."""
        raise NotImplementedError

    def text(self, answer: dict[str, Any]) -> str:
        """What the model wrote; nothing where the answer has no text."""
        raise NotImplementedError

    def translate(self, response: Response) -> LikenessError | None:
        """The vendor's own errors in our words."""
        raise NotImplementedError

    def check(self, client: Client) -> None:
        """Refuse a model before a caption is bought; not every server lists its models."""

    def at_work(self, client: Client, buyer: Buyer) -> Captioner:
        """The captioner of one run."""
        return Captions(self, client, buyer)

    @contextmanager
    def opened(self, buyer: Buyer) -> Generator[Captioner, None, None]:
        """Ready to buy; connects at the first purchase."""
        env = self.api_key_env
        auth = None if env is None else Auth(header="Authorization", scheme="Bearer ", env=env)
        with Client(
            self.server,
            self.base_url,
            auth=auth,
            limits=self.limits,
            stop=buyer.stop,
            translate=self.translate,
        ) as client:
            yield self.at_work(client, buyer)


class Captions:
    """The captioner at work: one answer a call."""

    what = "caption"
    job: Job | None = None

    def __init__(self, settings: VisionChat, client: Client, buyer: Buyer) -> None:
        self.settings, self.client, self.buyer = settings, client, buyer
        self.lock, self._ready = threading.Lock(), False

    def describe(self, rgb: RGB, *, face: FaceEntry | None, swapped: bool, item: str = "") -> Described:
        """The model's sentence; whether the face was swapped makes no difference to it."""
        key = self.settings.purchase_key(sha256_pixels(rgb))
        bought = self.buyer.buy(
            Purchase(
                what=f"{self.settings.vendor} {self.what}",
                item=item,
                key=key,
                usd_max=self.settings.usd_max(self.buyer.spending.prices),
                ready=self._check_once,
                order=lambda: self.order(rgb, key),
                job=self.job,
                judge=self.judge,
            )
        )
        return caption_of(bought.files[ANSWER].path.read_bytes(), bought.record, self.settings.who)

    def judge(self, files: Mapping[str, bytes]) -> None:
        """Refuse an answer that may not be a caption before it is kept."""
        if not is_answer(files[ANSWER].decode("utf-8", "replace")):
            raise InputError(
                "it holds no caption",
                reason="bad-answer",
                remedy="write the caption in captions_override/, or choose another caption provider",
            )
        said = caption_of(files[ANSWER], {"cost_usd": 0.0}, self.settings.who).text
        refuse("caption", Subject(text=said), what=f"{self.settings.who}'s caption")

    def order(self, rgb: RGB, key: str) -> Delivery | PendingOrder:
        """Ask about one picture."""
        asked = self.settings
        tokens = asked.max_input_tokens + asked.max_output_tokens
        response = self.client.post(asked.path, asked.body(rgb), safe=False, tokens=tokens)
        answer = mapping(response.json())
        return self.delivery(answer, asked.text(answer), asked.tokens)

    def delivery(self, answer: dict[str, Json], text: str, tokens: TokenNames) -> Delivery:
        """A paid answer, kept as it came.

        Raises:
            InDoubtError: it is not what was asked for; it was paid all the same, and is asked for again.
        """
        if not is_answer(text):
            raise InDoubtError(
                f"{self.settings.who} did not answer with a caption and a rating as requested: {text[:80]!r}",
                reason="bad-answer",
                remedy="run `dvc repro` again, or choose a model that follows a JSON schema",
            )
        usage = mapping(answer.get("usage"))
        counts = (value if isinstance(value := usage.get(name), int) else 0 for name in tokens)
        usd = self.settings.usd(self.buyer.spending.prices, *counts)
        return Delivery(files={ANSWER: text.encode()}, usd=usd, usage=usage)

    def _check_once(self) -> None:
        with self.lock:
            if not self._ready:
                self.settings.check(self.client)
                self._ready = True


def data_url(rgb: RGB, side_px: int) -> str:
    """The picture as a data: URL, a JPEG whose longest side is at most `side_px`."""
    image = Image.fromarray(rgb)
    image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    data = jpeg_bytes(image, quality=JPEG_QUALITY, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}"
