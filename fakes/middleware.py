"""What every request goes through: it is counted, a fault is drawn for it, and its response is spoiled accordingly."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from aiohttp import web

from fakes.books import Books
from fakes.faults import Fault, Faults

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LOST = {"drop_after", "truncated", "malformed", "wrong_type", "giant"}
"""After these nobody can have read the answer."""

GIANT_PIECE = b" " * 65_536
"""White space: a JSON parser waits for more."""


class Refusal(Exception):
    """An error in the vendor's own shape."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body


def error_body(service: str, status: int, message: str, code: str = "") -> dict[str, Any]:
    """How a service says that something went wrong."""
    if service == "xai":
        return {"code": code or message, "error": message}
    if service == "openai":
        return {
            "error": {"message": message, "type": code or "server_error", "param": None, "code": code or None}
        }
    return {"status": status, "error": message}


def middleware(
    books: Books, faults: Faults
) -> Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]:
    """The middleware of the fake servers."""

    @web.middleware
    async def pass_through(request: web.Request, handler: Handler) -> web.StreamResponse:
        name = request.match_info.route.name or "unknown"
        if name.startswith("control.") or name.endswith(".ws"):
            return await handler(request)
        entry = books.begin(name, request.method, request.path)
        request["entry"], request["booking"] = entry, None
        entry.key_sent = bool({"x-api-key", "authorization"} & {key.lower() for key in request.headers})
        try:
            entry.bytes_in = await _read(request)
            drawn = faults.draw(name)
            request["drawn"], fault = drawn, drawn.answer
            entry.fault = fault.name if fault else drawn.job.name if drawn.job else ""
            await asyncio.sleep(drawn.delay_s)
            if fault and fault.when == "before":
                response = await _instead(request, name.split(".")[0], fault)
            else:
                response = await _answer(request, handler)
                if fault and fault.when == "after":
                    response = await _spoiled(request, response, fault)
            entry.status = response.status
            _note(request, fault)
            return response
        finally:
            books.end(entry)

    return pass_through


async def _read(request: web.Request) -> int:
    """A gateway reads the request whole before anything can go wrong with it; bytes."""
    if request.content_type.startswith("multipart/"):
        await request.post()
        return request.content_length or 0
    return len(await request.read())


async def _answer(request: web.Request, handler: Handler) -> web.Response:
    try:
        response = await handler(request)
    except Refusal as refusal:
        return web.json_response(refusal.body, status=refusal.status)
    assert isinstance(response, web.Response)
    return response


def _note(request: web.Request, fault: Fault | None) -> None:
    booking, transport = request["booking"], request.transport
    if booking is None:
        return
    booking.fault = booking.fault or (fault.name if fault else "")
    there = transport is not None and not transport.is_closing()
    booking.answered = there and (fault is None or fault.name not in LOST)


async def _instead(request: web.Request, service: str, fault: Fault) -> web.StreamResponse:
    """What is answered when the work is not done."""
    if fault.name == "drop_before":
        return _dropped(request, fault)
    status, code, message, headers = 500, "", "Internal Server Error", {}
    if fault.name == "server_error":
        status = fault.parameters["status"]
    elif fault.name == "forbidden":
        status, message = 403, "This key is blocked."
    elif fault.name == "credits":
        status, code, message = (
            429,
            "insufficient_quota",
            ("Your team has either used all available credits or reached its monthly spending limit."),
        )
    else:
        status, code, message = 429, "rate_limit_exceeded", "Rate limit exceeded. Please try again later."
    if fault.name == "rate_limit_after":
        seconds = fault.parameters["s"]
        later = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
        headers = {"Retry-After": later if fault.parameters["date"] else str(seconds)}
    if service == "maxstudio" and fault.name == "credits":
        status, message = 402, "Insufficient credits."
    if service == "xai":
        code = {429: "Some resource has been exhausted", 403: "The caller does not have permission"}.get(
            status, ""
        )
    return web.json_response(error_body(service, status, message, code), status=status, headers=headers)


async def _spoiled(request: web.Request, whole: web.Response, fault: Fault) -> web.StreamResponse:
    """What is answered when the work is done."""
    body = whole.body if isinstance(whole.body, bytes) else b""
    if fault.name == "drop_after":
        return _dropped(request, fault)
    if fault.name == "malformed":
        return web.Response(status=whole.status, body=body[: len(body) // 2], content_type=whole.content_type)
    if fault.name == "wrong_type":
        return web.Response(
            text="<html><body><h1>Please sign in</h1></body></html>", content_type="text/html"
        )
    response = web.StreamResponse(status=whole.status, headers={"Content-Type": whole.content_type})
    if fault.name == "truncated":
        response.content_length = 2 * len(body) + 100
    elif fault.name == "drip":
        response.content_length = len(body)
    await response.prepare(request)
    try:
        if fault.name == "truncated":
            await response.write(body)
            _dropped(request, fault)
        elif fault.name == "drip":
            await _drip(response, body, **fault.parameters)
        else:
            for _ in range(fault.parameters["mb"] * 2**20 // len(GIANT_PIECE)):
                await response.write(GIANT_PIECE)
    except ConnectionError:
        return response  # the client had enough
    return response


async def _drip(response: web.StreamResponse, body: bytes, **rate: Any) -> None:
    for start in range(0, len(body), rate["bytes"]):
        await response.write(body[start : start + rate["bytes"]])
        await asyncio.sleep(rate["every_s"])


def _dropped(request: web.Request, fault: Fault) -> web.Response:
    if request.transport is not None:
        (request.transport.abort if fault.parameters.get("reset") else request.transport.close)()
    return web.Response(status=499)
