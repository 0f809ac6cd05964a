"""xAI's Batch API: a container filled inline or from a file, polled by its counters, read page by page.

Source: docs.x.ai/developers/advanced-api-usage/batch-api and .../rest-api-reference/inference/batches, and what public
clients saw of the live service (2026-08 to 2026-11). There is no status field; every text result is a chat completion.
"""

import asyncio
import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from fakes import captions
from fakes.batch import Batch, Line, line_of, today
from fakes.books import Booking, Books
from fakes.faults import Fault
from fakes.middleware import Refusal
from fakes.openai import completion, question
from fakes.settings import Settings
from fakes.xai import BAD_ARGUMENT, MODELS, body_of, check_key, look_at, refusal

PRICE_SHARE = 0.8
"""Of the price of a single call; MODELS' unit times a token is one tick of 1e-10 USD."""

MAX_ADD_BYTES = 25 * 2**20
PAGE, MAX_PAGE = 100, 1000
LOOK_AGAIN_S = 0.02
FAILED = "Internal error"


class Batches:
    """All batches and uploaded files of the account."""

    def __init__(self, settings: Settings, books: Books) -> None:
        self._settings, self._books = settings, books
        self._batches: dict[str, Batch] = {}
        self._files: dict[str, bytes] = {}
        self._running: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        """The endpoints."""
        one = "/xai/v1/batches/{batch:[^:/]+}"
        return [
            web.post("/xai/v1/files", self._upload, name="xai.files"),
            web.post("/xai/v1/batches", self._create, name="xai.batches"),
            web.get("/xai/v1/batches", self._list, name="xai.batches_list"),
            web.get(one, self._get, name="xai.batch"),
            web.post(f"{one}/requests", self._add, name="xai.batch_add"),
            web.get(f"{one}/requests", self._requests, name="xai.batch_requests"),
            web.get(f"{one}/results", self._results, name="xai.batch_results"),
            web.post(f"{one}:cancel", self._cancel, name="xai.batch_cancel"),
        ]

    async def _upload(self, request: web.Request) -> web.Response:
        check_key(request, self._settings)
        part = (await request.post()).get("file")
        if not isinstance(part, web.FileField):
            raise refusal(400, "file is missing", BAD_ARGUMENT)
        data, name = part.file.read(), f"file_{uuid.uuid4()}"
        self._files[name] = data
        told = {
            "id": name,
            "object": "file",
            "bytes": len(data),
            "created_at": int(time.time()),
            "expires_at": None,
        }
        return web.json_response({**told, "filename": part.filename, "purpose": ""})

    async def _create(self, request: web.Request) -> web.Response:
        check_key(request, self._settings)
        asked = body_of(await request.read())
        if not isinstance(asked.get("name"), str):
            raise refusal(
                422, "Failed to deserialize the JSON body into the target type: missing field `name`"
            )
        name = asked.get("input_file_id")
        if name is not None and name not in self._files:
            raise refusal(404, f"File {name} not found", "Some requested entity was not found")
        batch = Batch(asked["name"], name)
        self._batches[batch.batch_id] = batch
        if name is not None:
            self._start(self._run_file(batch, self._files[name], request["drawn"].job))
        return web.json_response(batch.view())

    async def _add(self, request: web.Request) -> web.Response:
        batch = self._of(request)
        data = await request.read()
        if len(data) > MAX_ADD_BYTES:
            raise refusal(413, "The request is larger than 25 MB", BAD_ARGUMENT)
        if batch.input_file_id:
            raise refusal(412, "Cannot add inline requests to a file-based batch")
        if batch.cancel_time:
            raise refusal(403, "The batch is cancelled")
        given = body_of(data).get("batch_requests")
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            raise refusal(422, "Failed to deserialize the JSON body into the target type: batch_requests")
        new: dict[str, Line] = {}
        for one in given:
            name, line = one.get("batch_request_id") or f"batch_request_{uuid.uuid4()}", line_of(one)
            if (known := {**batch.lines, **new}.get(name)) is None:
                new[name] = line
            elif known.asked != line.asked:
                raise refusal(412, f"batch_request_id '{name}' content differs from originally submitted")
        batch.lines |= new
        self._start(self._run(batch, new, request["drawn"].job))
        return web.json_response({})

    async def _list(self, request: web.Request) -> web.Response:
        check_key(request, self._settings)
        page, token = _page(request, sorted(self._batches))
        views = [self._batches[name].view() for name in page]
        return web.json_response({"batches": views, "pagination_token": token})

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._of(request).view())

    async def _requests(self, request: web.Request) -> web.Response:
        batch = self._of(request)
        page, token = _page(request, sorted(batch.lines))
        told = [
            {
                "batch_request_id": name,
                "endpoint": "xai_api.Chat/GetCompletion",
                "model": batch.lines[name].asked.get("model"),
                "state": batch.lines[name].state,
                "create_time": batch.lines[name].created,
                "finish_time": batch.lines[name].finished,
            }
            for name in page
        ]
        return web.json_response({"batch_request_metadata": told, "pagination_token": token})

    async def _results(self, request: web.Request) -> web.Response:
        batch = self._of(request)
        page, token = _page(request, sorted(name for name, line in batch.lines.items() if line.result))
        for name in page:
            if (booking := batch.lines[name].booking) is not None:
                booking.delivered = True
        results = [{"batch_request_id": name, "batch_result": batch.lines[name].result} for name in page]
        return web.json_response({"results": results, "pagination_token": token})

    async def _cancel(self, request: web.Request) -> web.Response:
        batch = self._of(request)
        batch.cancel_time = batch.cancel_time or today()
        for line in batch.lines.values():
            if line.state == "pending":
                line.state, line.result = "cancelled", {"error": "Batch cancelled"}
        return web.json_response(batch.view())

    def _of(self, request: web.Request) -> Batch:
        check_key(request, self._settings)
        batch = self._batches.get(request.match_info["batch"])
        if batch is None:
            raise refusal(404, "Batch not found", "Some requested entity was not found")
        return batch

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run_file(self, batch: Batch, data: bytes, fault: Fault | None) -> None:
        """A file is looked at after the batch was created: until then, and for good if it is bad, all counts are 0."""
        await asyncio.sleep(0)
        lines: dict[str, Line] = {}
        for number, text in enumerate(data.decode(errors="replace").splitlines(), start=1):
            try:
                given = json.loads(text)
                kind = {"/v1/chat/completions": "chat_get_completion", "/v1/responses": "responses"}[
                    given["url"]
                ]
                lines[given["custom_id"]] = line_of({"batch_request": {kind: given["body"]}})
            except (ValueError, KeyError, TypeError, Refusal) as error:
                reason = (
                    error.body["error"] if isinstance(error, Refusal) else f"line {number}: invalid: {error}"
                )
                batch.cancel_time = today()
                batch.cancel_by_xai_message = f"JSONL file validation failed: {reason}"
                return
        batch.lines |= lines
        await self._run(batch, lines, fault)

    async def _run(self, batch: Batch, lines: dict[str, Line], fault: Fault | None) -> None:
        """Answer them one after the other, all within `batch_s`; a fault strikes all of them."""
        for line in lines.values():
            began = time.monotonic()
            # The setting may change meanwhile.
            while time.monotonic() - began < self._settings.batch_s / len(lines):
                await asyncio.sleep(LOOK_AGAIN_S)
            if line.state != "pending" or (fault and fault.name == "job_stuck"):
                continue
            try:
                if fault:
                    raise ValueError(FAILED)
                line.booking, line.result = self._answer(line, batch.batch_id)
                line.state = "succeeded"
            except (ValueError, KeyError, TypeError, captions.Unacceptable) as error:
                line.state, line.result = "failed", {"error": str(error)}
            except Refusal as error:
                line.state, line.result = "failed", {"error": error.body["error"]}
            line.finished = datetime.now(UTC).isoformat()

    def _answer(self, line: Line, batch_id: str) -> tuple[Booking, dict[str, Any]]:
        seen, detail, text = question(line.asked) if line.chat else look_at(line.asked)
        asked = {
            "response_format": (line.asked.get("text") or {}).get("format"),
            "max_tokens": line.asked.get("max_output_tokens"),
        } | line.asked
        whole = completion(asked, seen, detail, text, self._settings.rating, nonsense=False)
        usage, (price_in, price_out) = whole["usage"], MODELS[asked["model"]]
        ticks = usage["prompt_tokens"] * price_in + usage["completion_tokens"] * price_out
        usage["cost_in_usd_ticks"] = round(ticks * PRICE_SHARE)
        booking = self._books.buy("xai.batch", seen.digest, key_ok=True, job=batch_id)
        booking.answered = True
        return booking, {"response": {"chat_get_completion": whole}}


def _page(request: web.Request, names: list[str]) -> tuple[list[str], str | None]:
    """The names after `pagination_token`, and the token of the next page."""
    try:
        limit = min(int(request.query.get("limit", PAGE)), MAX_PAGE)
    except ValueError:
        raise refusal(400, "limit is no number", BAD_ARGUMENT) from None
    after = request.query.get("pagination_token", "")
    rest = [name for name in names if name > after]
    return rest[:limit], (rest[limit - 1] if len(rest) > limit else None)
