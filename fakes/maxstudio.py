"""MaxStudio: faces detected at once, swaps and enlargements as jobs, results as files that expire."""

import asyncio
import base64
import binascii
import hashlib
import json
import re
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from fakes.books import Booking, Books
from fakes.faults import Fault
from fakes.middleware import Refusal, error_body
from fakes.pictures import Box, Undoable
from fakes.settings import Settings
from fakes.studio import Studio, Unfetchable

SCALE = 2.0
QUEUED_SHARE = 0.2
NOT_REGIONAL = re.compile(r"https?://([^/]+\.)?s3\.amazonaws\.com/")


@dataclass
class Job:
    """One order; `work` makes its file."""

    booking: Booking
    seconds: float
    fault: Fault | None
    work: asyncio.Task[Path]
    accepted: float = field(default_factory=time.monotonic)
    finished: float = 0.0
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def state(self) -> tuple[str, str]:
        """Its status, and the error of a failed one."""
        age, fate = time.monotonic() - self.accepted, self.fault.name if self.fault else ""
        if fate == "job_vanishes" and age >= self.seconds / 2:
            return "not-found", ""
        if age < self.seconds * QUEUED_SHARE:
            return "queued", ""
        if age < self.seconds or fate == "job_stuck":
            return "processing", ""
        if fate == "job_fails":
            return "failed", self.fault.parameters["error"] if self.fault else ""
        if not self.work.done():
            return "processing", ""
        error = self.work.exception()
        return ("completed", "") if error is None else ("failed", str(error))


class MaxStudio:
    """The account and its jobs."""

    def __init__(self, settings: Settings, books: Books, studio: Studio) -> None:
        self._settings, self._books, self._studio = settings, books, studio
        self._jobs: dict[str, Job] = {}
        self._files: dict[str, Job] = {}

    def routes(self) -> list[web.RouteDef]:
        """The endpoints."""
        return [
            web.post("/maxstudio/detect-face-image", self._detect, name="maxstudio.detect"),
            web.post("/maxstudio/swap-image", self._swap, name="maxstudio.swap"),
            web.get("/maxstudio/swap-image/{job}", self._job, name="maxstudio.swap_job"),
            web.post("/maxstudio/image-enhancer", self._enhance, name="maxstudio.enhance"),
            web.get("/maxstudio/image-enhancer/{job}", self._job, name="maxstudio.enhance_job"),
            web.get("/files/{file}", self._file, name="files.get"),
        ]

    async def _detect(self, request: web.Request) -> web.Response:
        url = _text(await self._asked(request), "imageUrl")
        if url.startswith("data:"):
            raise _refusal(500, "Internal Server Error")
        _regional(url)
        try:
            boxes = await self._studio.faces(await self._studio.fetch(url))
        except (Unfetchable, Undoable) as error:
            raise _refusal(500, str(error)) from None
        names = ("x", "y", "width", "height")
        faces = [dict(zip(names, map(round, box), strict=True)) for box in boxes]
        return web.json_response({self._settings.detect_answers: faces})

    async def _swap(self, request: web.Request) -> web.Response:
        asked = await self._asked(request)
        target, (source, box) = _text(asked, "mediaUrl"), _face(asked)
        for url in (source, target):
            _regional(url)

        async def fetch(booking: Booking) -> tuple[bytes, bytes]:
            pair = await self._studio.fetch(source), await self._studio.fetch(target)
            booking.digest = swap_digest(*pair, box)
            return pair

        async def work(inputs: asyncio.Task[tuple[bytes, bytes]]) -> Path:
            return await self._studio.swapped(*await inputs, box)

        return self._accept(
            request, "maxstudio.swap", self._settings.swap_s, fetch, work, f"{source} {target}"
        )

    async def _enhance(self, request: web.Request) -> web.Response:
        try:
            data = base64.b64decode(_text(await self._asked(request), "image"), validate=True)
        except binascii.Error:
            raise _refusal(400, "image must be base64 without a data: prefix") from None
        fault = request["drawn"].job
        scale = fault.parameters["scale"] if fault and fault.name == "wrong_size" else SCALE

        async def fetch(booking: Booking) -> bytes:
            booking.digest = hashlib.sha256(data).hexdigest()
            return data

        async def work(inputs: asyncio.Task[bytes]) -> Path:
            return await self._studio.enlarged(await inputs, scale)

        return self._accept(request, "maxstudio.enhance", self._settings.enhance_s, fetch, work, "")

    def _accept(
        self, request: web.Request, what: str, seconds: float, fetch: Any, work: Any, unfetched: str
    ) -> web.Response:
        """Book the job and start it; until its inputs are here, its digest is that of their addresses."""
        name, fault = str(uuid.uuid4()), request["drawn"].job
        addresses = re.sub(r"\?\S*", "", unfetched)
        booking = self._books.buy(what, hashlib.sha256(addresses.encode()).hexdigest(), key_ok=True, job=name)
        booking.fault = fault.name if fault else ""
        inputs = asyncio.create_task(fetch(booking))
        self._books.fetching(inputs)
        job = Job(booking, seconds, fault, asyncio.create_task(work(inputs)))
        job.work.add_done_callback(lambda task: _ended(job, task))
        self._jobs[name] = self._files[job.token] = job
        request["booking"] = booking
        return web.json_response({"jobId": name})

    async def _job(self, request: web.Request) -> web.Response:
        self._check_key(request)
        job = self._jobs.get(request.match_info["job"])
        if job is None or (job.booking.what + "_job") != request.match_info.route.name:
            return web.json_response({"status": "not-found"}, status=self._settings.unknown_job_status)
        job.booking.polls += 1
        status, error = job.state()
        if status == "not-found":
            return web.json_response({"status": status}, status=self._settings.unknown_job_status)
        if status != "completed":
            return web.json_response({"status": status, **({"error": error} if error else {})})
        path = job.work.result()
        if job.booking.what == "maxstudio.enhance":
            job.booking.delivered = True
            return web.json_response(
                {"status": status, "result": base64.b64encode(path.read_bytes()).decode()}
            )
        name = f"{job.token}.{'jpg' if self._settings.swap_format == 'jpeg' else 'png'}"
        return web.json_response(
            {"status": status, "result": {"mediaUrl": f"{request.url.origin()}/files/{name}"}}
        )

    async def _file(self, request: web.Request) -> web.Response:
        job = self._files.get(request.match_info["file"].partition(".")[0])
        if job is None:
            return web.Response(status=404, text="not found")
        gone = (
            time.monotonic() > max(job.finished, job.accepted + job.seconds) + self._settings.results_expire_s
        )
        if gone or (job.fault and job.fault.name == "result_expires"):
            return web.Response(status=self._settings.expired_status, text="this file has expired")
        data = job.work.result().read_bytes()
        job.booking.delivered = True
        kind = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
        return web.Response(body=data, content_type=kind)

    async def _asked(self, request: web.Request) -> dict[str, Any]:
        self._check_key(request)
        try:
            asked = json.loads(await request.read())
        except ValueError:
            raise _refusal(400, "Invalid JSON") from None
        if not isinstance(asked, dict):
            raise _refusal(400, "Invalid request body")
        return asked

    def _check_key(self, request: web.Request) -> None:
        sent, right = request.headers.get("x-api-key", ""), self._settings.keys.get("maxstudio")
        if not sent or (right is not None and sent != right):
            raise _refusal(500, "Internal Server Error")  # the vendor says no more than that


def swap_digest(source: bytes, target: bytes, box: Box) -> str:
    """What a swap's purchase is booked under: sha256 of both pictures' sha256 and the face's box."""
    parts = [
        hashlib.sha256(source).hexdigest(),
        hashlib.sha256(target).hexdigest(),
        *map(str, map(round, box)),
    ]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def _ended(job: Job, task: asyncio.Task[Path]) -> None:
    job.finished = time.monotonic()
    if not task.cancelled():
        task.exception()  # a failed job is an answer, not a warning at exit


def _refusal(status: int, message: str) -> Refusal:
    return Refusal(status, error_body("maxstudio", status, message))


def _text(asked: dict[str, Any], name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str) or not value:
        raise _refusal(400, f"{name} is required")
    return value


def _face(asked: dict[str, Any]) -> tuple[str, Box]:
    match asked.get("faces"):
        case [{"originalFace": {"x": x, "y": y, "width": width, "height": height}, "newFace": str(url)}]:
            try:
                return url, (float(x), float(y), float(width), float(height))
            except (TypeError, ValueError):
                raise _refusal(400, "originalFace must hold numbers") from None
    raise _refusal(400, "faces must be [{originalFace: {x, y, width, height}, newFace: URL}]")


def _regional(url: str) -> None:
    if NOT_REGIONAL.match(url):
        raise _refusal(307, "Temporary Redirect")
