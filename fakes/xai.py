"""xAI: the models of a key and the Responses API; batches.py has the Batch API."""

import json
import time
import uuid
from typing import Any

from aiohttp import web

from fakes import captions
from fakes.books import Books
from fakes.middleware import Refusal, error_body
from fakes.settings import Settings

WRONG_KEY = "Incorrect API key provided: xa***ey. You can obtain an API key from https://console.x.ai."
BAD_ARGUMENT = "Client specified an invalid argument"

# USD cents per 100 million tokens, as GET /v1/language-models says it: input, output.
MODELS = {
    "grok-4.7": (20_000, 60_000),
    "grok-4.6": (20_000, 60_000),
    "grok-4.5": (20_000, 60_000),
    "grok-4.3": (12_500, 25_000),
    "grok-4.20-0309-reasoning": (12_500, 25_000),
    "grok-4.20-0309-non-reasoning": (12_500, 25_000),
    "grok-code-fast-1": (2_000, 15_000),
}
BLIND = {"grok-code-fast-1"}
"""Models that take no images."""


class XAI:
    """The account."""

    def __init__(self, settings: Settings, books: Books) -> None:
        self._settings, self._books = settings, books

    def routes(self) -> list[web.RouteDef]:
        """The endpoints."""
        return [
            web.get("/xai/v1/language-models", self._models, name="xai.models"),
            web.post("/xai/v1/responses", self._responses, name="xai.responses"),
        ]

    async def _models(self, request: web.Request) -> web.Response:
        check_key(request, self._settings)
        return web.json_response({"models": [_model(name) for name in MODELS]})

    async def _responses(self, request: web.Request) -> web.Response:
        check_key(request, self._settings)
        asked = body_of(await request.read())
        request["entry"].store = asked.get("store", True)
        seen, detail, text = look_at(asked)
        request["booking"] = self._books.buy("xai.responses", seen.digest, key_ok=True)
        output_format = asked.get("response_format") or (asked.get("text") or {}).get("format")
        drawn = request["drawn"].answer
        nonsense = drawn is not None and drawn.name == "nonsense"
        said = captions.answer(seen.digest, output_format, self._settings.rating, nonsense=nonsense)
        return web.json_response(_response(asked, said, captions.tokens(text) + seen.tokens(detail)))


def check_key(request: web.Request, settings: Settings) -> None:
    """The wrong key is a bad argument (400), none is unauthenticated (401)."""
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not sent:
        raise refusal(401, "No credentials were provided.", "The request does not have valid authentication")
    right = settings.keys.get("xai")
    if right is not None and sent != right:
        raise refusal(400, WRONG_KEY, BAD_ARGUMENT)


def body_of(data: bytes) -> dict[str, Any]:
    """The request's object."""
    try:
        asked = json.loads(data)
    except ValueError as error:
        raise refusal(400, f"Failed to parse the request body as JSON: {error}", BAD_ARGUMENT) from None
    if not isinstance(asked, dict):
        raise refusal(422, "Failed to deserialize the JSON body into the target type", BAD_ARGUMENT)
    return asked


def look_at(asked: dict[str, Any]) -> tuple[captions.Seen, str, str]:
    """The one image of a Responses request, its detail and all its text."""
    model = asked.get("model")
    if model not in MODELS:
        raise refusal(404, f"The model {model} does not exist or your team does not have access to it.", "Some requested entity was not found")  # fmt: skip  # noqa: E501
    try:
        parts = [part for message in asked["input"] for part in _parts(message["content"])]
        images = [part for part in parts if part["type"] == "input_image"]
        text = " ".join(part["text"] for part in parts if part["type"] == "input_text")
    except (KeyError, TypeError) as error:
        raise refusal(
            422, f"Failed to deserialize the JSON body into the target type: input: {error}"
        ) from None
    if len(images) != 1:
        raise refusal(422, f"input: {len(images)} images instead of one")
    if model in BLIND:
        raise refusal(400, f"Image inputs are not supported by {model}.", BAD_ARGUMENT)
    try:
        return captions.look(images[0].get("image_url")), images[0].get("detail", "high"), text
    except captions.Unacceptable as error:
        raise refusal(400, str(error), BAD_ARGUMENT) from None


def refusal(status: int, message: str, code: str = "") -> Refusal:
    """xAI's flat error."""
    return Refusal(status, error_body("xai", status, message, code))


def _response(asked: dict[str, Any], said: str, prompt: int) -> dict[str, Any]:
    most = asked.get("max_output_tokens")
    cut = isinstance(most, int) and captions.tokens(said) > most
    said = said[: most * captions.CHARACTERS_PER_TOKEN] if cut else said
    output = captions.tokens(said)
    content = [{"type": "output_text", "text": said, "annotations": [], "logprobs": []}]
    message = {"type": "message", "id": f"msg_{uuid.uuid4()}", "role": "assistant", "status": "completed"}
    return {
        "id": str(uuid.uuid4()),
        "object": "response",
        "created_at": int(time.time()),
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "error": None,
        "model": asked["model"],
        "store": asked.get("store", True),
        "output": [{**message, "content": content}],
        "usage": {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": output,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": prompt + output,
        },
    }


def _parts(content: object) -> list[dict[str, Any]]:
    return [{"type": "input_text", "text": content}] if isinstance(content, str) else content  # type: ignore[return-value]


def _model(name: str) -> dict[str, Any]:
    price_in, price_out = MODELS[name]
    return {
        "id": name,
        "fingerprint": "fp_fake",
        "created": 1772323200,
        "object": "model",
        "owned_by": "xai",
        "version": "1.0",
        "input_modalities": ["text"] if name in BLIND else ["text", "image"],
        "output_modalities": ["text"],
        "prompt_text_token_price": price_in,
        "cached_prompt_text_token_price": price_in // 4,
        "prompt_image_token_price": 0 if name in BLIND else price_in,
        "completion_text_token_price": price_out,
        "aliases": [],
    }
