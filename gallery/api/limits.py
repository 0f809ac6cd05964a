"""What stands before every route: the size of a body, and the headers of every answer."""

import anyio
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gallery.api.answers import WORDS, error_answer

HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]


BODY_SECONDS = 20.0


class Limits:
    """Refuses a body above `most` bytes before it is read, or as soon as it is longer, and one that is not there `within` seconds;
    adds the headers."""

    def __init__(self, app: ASGIApp, most: int, within: float = BODY_SECONDS) -> None:
        self._app, self._most, self._within = app, most, within

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stated = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")

        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(one for one in HEADERS if one[0] not in own)]
            await send(message)

        if not stated.isdigit() or int(stated) > self._most:
            await error_answer(413, *WORDS[413])(scope, receive, answer)
            return
        read, whole, until = 0, False, anyio.current_time() + self._within

        async def counted() -> Message:
            nonlocal read, whole
            if whole:  # who asks again waits for the end of the connection
                return await receive()
            with anyio.move_on_at(until):
                message = await receive()
                whole = not message.get("more_body", False)
                read += len(message.get("body", b""))
                if read <= self._most:
                    return message
            if begun:
                return {"type": "http.disconnect"}
            raise HTTPException(413 if read > self._most else 408)

        await self._app(scope, counted, answer)
