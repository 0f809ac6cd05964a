"""What captioners that ask a remote model share: the picture sent, the answer's form, and tokens at their price."""

import base64
import io
from collections.abc import Mapping
from typing import Literal, cast

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from likeness.caption import Described
from likeness.caption.text import one_line
from likeness.errors import InDoubtError, InputError
from likeness.images import RGB
from likeness.purchases.buy import Delivery
from likeness.purchases.prices import Prices, price_of
from likeness.store.items import Item, Json

ANSWER = "answer.json"
JPEG_QUALITY = 90
PER_MILLION = 1e-6

SCHEMA: dict[str, Json] = {
    "type": "object",
    "properties": {
        "caption": {"type": "string"},
        "rating": {"type": "string", "enum": ["sfw", "review", "explicit"]},
    },
    "required": ["caption", "rating"],
    "additionalProperties": False,
}
"""What the model is held to answer with (JSON Schema)."""


class Answer(BaseModel):
    """The model's answer; fields it adds are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    caption: str = Field(min_length=1)
    rating: Literal["sfw", "review", "explicit"]


def data_url(rgb: RGB, side_px: int) -> str:
    """The picture as a data: URL, a JPEG whose longest side is at most `side_px`."""
    image = Image.fromarray(rgb)
    image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=JPEG_QUALITY, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def usd_of(prices: Prices, provider: str, model: str, *, input_tokens: int, output_tokens: int) -> float:
    """What a call with so many tokens costs."""
    into, out = (price_of(prices, provider, f"{model} {kind}").usd for kind in ("input", "output"))
    return (input_tokens * into + output_tokens * out) * PER_MILLION


def delivery(text: str, *, usd: float, usage: dict[str, Json], who: str) -> Delivery:
    """A paid answer, kept as it came.

    Raises:
        InDoubtError: it is not what was asked for; it was paid all the same, and is asked for again.
    """
    try:
        Answer.model_validate_json(unfenced(text))
    except ValidationError:
        raise InDoubtError(
            f"{who} answered something else than the caption and rating it was asked for: {text[:80]!r}",
            reason="bad-answer",
            remedy="run `dvc repro` again, or choose a model that follows a JSON schema",
        ) from None
    return Delivery(files={ANSWER: text.encode()}, usd=usd, usage=usage)


def described(item: Item, who: str) -> Described:
    """The caption in a paid answer.

    Raises:
        InputError: the model rates the picture explicit (`caption-explicit`), refused.
    """
    answer = Answer.model_validate_json(unfenced(item.files[ANSWER].path.read_text(encoding="utf-8")))
    if answer.rating == "explicit":
        raise InputError(
            f"{who} rates the picture explicit",
            reason="caption-explicit",
            remedy="explicit material is not captioned: remove the photo",
            kind="refused",
        )
    return Described(text=one_line(answer.caption), cost_usd=float(item.record["cost_usd"]))


def unfenced(text: str) -> str:
    """The JSON of an answer that may stand in a Markdown fence, as small local models like to write."""
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text


def mapping(value: Json) -> dict[str, Json]:
    """A JSON object; an empty one where something else came."""
    return cast("dict[str, Json]", value) if isinstance(value, dict) else {}


def count(usage: Mapping[str, Json], name: str) -> int:
    """A number of tokens in an answer's usage, 0 where it says nothing."""
    value = usage.get(name)
    return value if isinstance(value, int) else 0


def says(body: bytes, *words: str) -> bool:
    """Whether an error's body has one of the words."""
    text = body.decode("utf-8", "replace").lower()
    return any(word in text for word in words)
