"""The schema of a remote model's answer, and its reading."""

from collections.abc import Mapping
from typing import Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from likeness.caption import Described
from likeness.caption.text import one_line
from likeness.digests import Json
from likeness.errors import InputError

ANSWER = "answer.json"

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


def is_answer(text: str) -> bool:
    """Whether a model wrote a caption and a rating."""
    try:
        Answer.model_validate_json(strip_fence(text))
    except ValidationError:
        return False
    return True


def caption_of(answered: bytes, record: Mapping[str, Json], who: str) -> Described:
    """The caption in a paid answer; `record` is the purchase's.

    Raises:
        InputError: the model rates the picture explicit (`caption-explicit`), refused.
    """
    answer = Answer.model_validate_json(strip_fence(answered.decode("utf-8")))
    if answer.rating == "explicit":
        raise InputError(
            f"{who} rates the picture explicit",
            reason="caption-explicit",
            remedy="explicit material is not captioned: remove the photo",
            kind="refused",
        )
    return Described(text=one_line(answer.caption), cost_usd=float(record["cost_usd"]))


def strip_fence(text: str) -> str:
    """The JSON of an answer that may stand in a Markdown fence, as small local models like to write."""
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text


def mapping(value: Json) -> dict[str, Json]:
    """A JSON object; an empty one where something else came."""
    return cast("dict[str, Json]", value) if isinstance(value, dict) else {}


def says(body: bytes, *words: str) -> bool:
    """Whether an error's body has one of the words."""
    text = body.decode("utf-8", "replace").lower()
    return any(word in text for word in words)
