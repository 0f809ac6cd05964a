"""Captions that follow from an image's bytes: plausible, and the same for the same image."""

import base64
import binascii
import hashlib
import io
import json
import math
from dataclasses import dataclass
from typing import Any

from PIL import Image, UnidentifiedImageError

SHOTS = (
    "a close-up portrait",
    "a head-and-shoulders portrait",
    "a half-length portrait",
    "a three-quarter portrait",
)
POSES = (
    "facing the camera",
    "turned slightly to the left",
    "turned slightly to the right",
    "with the head tilted",
)
MOODS = (
    "with a calm expression",
    "smiling softly",
    "smiling broadly",
    "looking thoughtful",
    "looking attentive",
)
CLOTHES = (
    "a dark green sweater",
    "a white shirt",
    "a blue denim jacket",
    "a black top",
    "a grey coat",
    "a red scarf",
)
PLACES = ("in front of a plain wall", "in a sunlit room", "on a quiet street", "in a park", "beside a window")
LIGHTS = ("in soft daylight", "in warm evening light", "in even studio light", "in cool shade")

TILE_PX = 448
TILE_TOKENS = 256
MOST_TILES = 6
"""xAI counts an image as tiles of 448 px with 256 tokens each and one tile more (docs.x.ai, image understanding)."""

CHARACTERS_PER_TOKEN = 4
MAX_IMAGE_BYTES = 20 * 2**20
FORMATS = {"PNG", "JPEG"}


class Unacceptable(Exception):
    """This is no image that a vision model takes; says why."""


@dataclass(frozen=True)
class Seen:
    """An image as the model got it."""

    digest: str
    width: int
    height: int

    def tokens(self, detail: str = "high") -> int:
        """What it counts as."""
        tiles = math.ceil(self.width / TILE_PX) * math.ceil(self.height / TILE_PX)
        return TILE_TOKENS * (1 + (0 if detail == "low" else min(tiles, MOST_TILES)))


def look(url: object) -> Seen:
    """Decode a data: URL.

    Raises:
        Unacceptable: too large, or neither PNG nor JPEG.
    """
    head, comma, coded = url.partition(",") if isinstance(url, str) else ("", "", "")
    if not comma or not head.startswith("data:image/") or not head.endswith(";base64"):
        raise Unacceptable("the image is no data: URL in base64")
    try:
        data = base64.b64decode(coded, validate=True)
        if len(data) > MAX_IMAGE_BYTES:
            raise Unacceptable(f"the image has {len(data)} bytes, more than 20 MiB")
        with Image.open(io.BytesIO(data)) as image:
            image_format, (width, height) = image.format, image.size
    except (binascii.Error, UnidentifiedImageError, OSError) as error:
        raise Unacceptable("the image cannot be decoded") from error
    if image_format not in FORMATS:
        raise Unacceptable(f"unsupported image format {image_format}; use jpg or png")
    return Seen(hashlib.sha256(data).hexdigest(), width, height)


def sentence(digest: str) -> str:
    """A caption for the image with this sha256."""
    number = int(digest[:15], 16)
    words: list[str] = []
    for choices in (SHOTS, POSES, MOODS, CLOTHES, PLACES, LIGHTS):
        number, index = divmod(number, len(choices))
        words.append(choices[index])
    shot, pose, mood, clothes, place, light = words
    return f"{shot}, {pose}, {mood}, wearing {clothes}, {place}, {light}"


def answer(digest: str, output_format: object, rating: str, *, nonsense: bool) -> str:
    """The model's text: a sentence, or JSON by the schema of `text.format` or `response_format`."""
    if nonsense:
        return "Sure! Here is the caption you asked for: {caption:"
    schema = schema_of(output_format)
    text = sentence(digest)
    return text if schema is None else json.dumps(_by_schema(schema, "", text, rating))


def schema_of(output_format: object) -> dict[str, Any] | None:
    """The JSON schema asked for, in either spelling; None for plain text."""
    if not isinstance(output_format, dict) or output_format.get("type") != "json_schema":
        return None
    return output_format.get("schema") or (output_format.get("json_schema") or {}).get("schema") or {}


def tokens(text: str) -> int:
    """About how many tokens a text has."""
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def _by_schema(schema: dict[str, Any], name: str, caption: str, rating: str) -> Any:
    if choices := schema.get("enum"):
        return rating if rating in choices else choices[0]
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return {key: _by_schema(it, key, caption, rating) for key, it in schema.get("properties", {}).items()}
    if kind == "string":
        return rating if name == "rating" else caption
    return {"array": [], "integer": 0, "number": 0.0, "boolean": False}.get(str(kind))
