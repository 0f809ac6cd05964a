"""Any OpenAI-compatible vision server: `/models` and `/chat/completions` with images as data: URLs."""

import json
import time
import uuid
from typing import Any

from aiohttp import web

from fakes import captions
from fakes.books import Books
from fakes.middleware import Refusal, error_body
from fakes.settings import Settings

DEFAULT_MODEL = "fake-vision"


class OpenAI:
    """The server; without a key of its own it asks for none, as vLLM and Ollama do."""

    def __init__(self, settings: Settings, books: Books) -> None:
        self._settings, self._books = settings, books

    def routes(self) -> list[web.RouteDef]:
        """The endpoints."""
        return [
            web.get("/openai/v1/models", self._models, name="openai.models"),
            web.post("/openai/v1/chat/completions", self._chat, name="openai.chat"),
        ]

    async def _models(self, request: web.Request) -> web.Response:
        self._check_key(request)
        names = self._settings.openai_models or [DEFAULT_MODEL]
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "fakes"} for name in names]
        return web.json_response({"object": "list", "data": data})

    async def _chat(self, request: web.Request) -> web.Response:
        self._check_key(request)
        try:
            asked = json.loads(await request.read())
            model, known = asked["model"], self._settings.openai_models
            if known and model not in known:
                raise _refusal(404, f"The model `{model}` does not exist.", "model_not_found")
            seen, detail, text = question(asked)
        except (ValueError, KeyError, TypeError, captions.Unacceptable) as error:
            raise _refusal(400, f"Invalid request: {error}", "invalid_request_error") from None
        request["booking"] = self._books.buy("openai.chat", seen.digest, key_ok=True)
        drawn = request["drawn"].answer
        nonsense = drawn is not None and drawn.name == "nonsense"
        return web.json_response(
            completion(asked, seen, detail, text, self._settings.rating, nonsense=nonsense)
        )

    def _check_key(self, request: web.Request) -> None:
        right = self._settings.keys.get("openai")
        if right is not None and request.headers.get("Authorization") != f"Bearer {right}":
            raise _refusal(401, "Incorrect API key provided.", "invalid_api_key")


def question(asked: dict[str, Any]) -> tuple[captions.Seen, str, str]:
    """The one image, its detail and all the text of a chat.

    Raises:
        ValueError: there is not exactly one image.
        captions.Unacceptable: it is no good.
    """
    parts = [part for message in asked["messages"] for part in _parts(message["content"])]
    images = [part["image_url"] for part in parts if part["type"] == "image_url"]
    if len(images) != 1:
        raise ValueError(f"{len(images)} images instead of one")
    text = " ".join(part["text"] for part in parts if part["type"] == "text")
    return captions.look(images[0]["url"]), images[0].get("detail", "high"), text


def completion(
    asked: dict[str, Any], seen: captions.Seen, detail: str, text: str, rating: str, *, nonsense: bool
) -> dict[str, Any]:
    """The whole answer to a chat."""
    said = captions.answer(seen.digest, asked.get("response_format"), rating, nonsense=nonsense)
    most = asked.get("max_completion_tokens") or asked.get("max_tokens")
    cut = most is not None and captions.tokens(said) > most
    said = said[: most * captions.CHARACTERS_PER_TOKEN] if cut else said
    prompt, output = captions.tokens(text) + seen.tokens(detail), captions.tokens(said)
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": asked["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": said, "refusal": None},
                "finish_reason": "length" if cut else "stop",
            }
        ],
        "usage": {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output},
    }


def _parts(content: object) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content  # type: ignore[return-value]


def _refusal(status: int, message: str, code: str) -> Refusal:
    return Refusal(status, error_body("openai", status, message, code))
