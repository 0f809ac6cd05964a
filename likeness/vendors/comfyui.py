"""A ComfyUI server: a workflow in its API form is queued, watched and its picture fetched.

Source: server.py and execution.py of ComfyUI 0.30.0, read 2026-11 (shared contracts, section 4). The websocket tells how
far a picture is; that it is finished is always asked of /history, so a lost websocket loses the progress and nothing else.
Unknown statuses mean "still running", unknown fields are ignored. What it answers is a stranger's: no name of a file it gives
is used here but to ask for that file.
"""

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import orjson

from likeness.digests import Json
from likeness.errors import JobLostError, RejectedError, TransientError
from likeness.http.auth import Auth
from likeness.http.client import Client
from likeness.http.messages import Messages
from likeness.http.rate_limit import Limits
from likeness.http.service import Service
from likeness.vendors.comfyui_answers import (
    PLAIN_NAME,
    as_list,
    at,
    before,
    failure_of,
    node_errors,
    picture_of,
    refused_workflow,
    translate,
)

TIMES_QUEUED = 3
"""A server that restarts forgets its queue: a prompt is queued at most so often."""


Graph = Mapping[str, Mapping[str, Json]]
"""A workflow in ComfyUI's API form: {node id: {"class_type": ..., "inputs": {...}}}."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a prompt is: prompts before it in the queue, or steps done of `steps`."""

    ahead: int = 0
    step: int = 0
    steps: int = 0


def _silent(_: Progress) -> None: ...


@dataclass(kw_only=True, eq=False)
class ComfyUI(Service):
    """One server; safe to use from several threads. Nothing is sent before a call."""

    base_url: str
    api_key_env: str | None
    limits: Limits
    poll_s: float
    job_limit_s: float
    stop: threading.Event

    def __post_init__(self) -> None:
        env = self.api_key_env
        self._auth = Auth(header="Authorization", scheme="Bearer ", env=env) if env else None
        self._client = Client(
            "ComfyUI", self.base_url, auth=self._auth, limits=self.limits, stop=self.stop, translate=translate
        )

    def version(self) -> str:
        """The server's own, or "unknown"."""
        return str(at(self._client.get("/system_stats").json(), "system", "comfyui_version") or "unknown")

    def describe(self, kind: str) -> Json | None:
        """What the server says of a kind of node; None where it has none of that name."""
        return at(self._client.get(f"/object_info/{kind}").json(), kind)

    def choices(self, kind: str, name: str) -> list[str] | None:
        """What an input of a kind of node may be; None where the server has no such node."""
        if (described := self.describe(kind)) is None:
            return None
        given = as_list(at(described, "input", "required", name))
        listed = given[0] if given else None
        if listed == "COMBO":  # the newer form: ["COMBO", {"options": [...]}]
            listed = at(given[-1], "options")
        return [one for one in as_list(listed) if isinstance(one, str)]

    def log(self) -> list[tuple[str, str]] | None:
        """(time, line) of what the server last logged; None where it does not show its log."""
        try:
            entries = at(self._client.get("/internal/logs/raw").json(), "entries")
        except (RejectedError, TransientError):
            return None
        if not isinstance(entries, list):
            return None
        return [(str(at(one, "t")), str(at(one, "m"))) for one in as_list(entries)]

    def draw(self, graph: Graph, *, output: str, on_progress: Callable[[Progress], None] = _silent) -> bytes:
        """The one picture that node `output` of the workflow makes, as the file the server made of it.

        Raises:
            ConfigError: the server refuses the workflow; says which input of which node.
            RejectedError: a node failed, or the answer is not one picture.
            JobLostError: the server forgot it as often as it was queued, or nothing moves any more.
            TransientError: it cannot be reached, or somebody stopped the picture.
        """
        for _ in range(TIMES_QUEUED):
            client = uuid.uuid4().hex
            path = f"/ws?clientId={client}"
            with Messages(self.base_url, path, auth=self._auth, limits=self.limits, stop=self.stop) as line:
                entry = self._ended(self._queue(graph, client), line, on_progress)
            if entry is not None:
                return self._fetch(picture_of(entry, output))
        raise JobLostError(
            f"ComfyUI forgot the picture {TIMES_QUEUED} times: it ends while it draws",
            reason="job-vanished",
            remedy="look at the server's log, start it again, then run this again",
        )

    def _queue(self, graph: Graph, client: str) -> str:
        # Drawing costs nobody money, so a lost answer is asked for again.
        answer = self._client.post("/prompt", {"prompt": graph, "client_id": client}, safe=True).json()
        prompt = at(answer, "prompt_id")
        if not isinstance(prompt, str) or not PLAIN_NAME.fullmatch(prompt):
            raise TransientError("ComfyUI took the workflow and gave no prompt_id", reason="bad-answer")
        if errors := node_errors(answer):
            raise refused_workflow(errors, answer)
        return prompt

    def _ended(self, prompt: str, line: Messages, on_progress: Callable[[Progress], None]) -> Json | None:
        """The history's entry of a finished prompt, once there is one; None when the server forgot it."""
        last, moved = Progress(), time.monotonic()
        while True:
            if (entry := self._entry(prompt)) is not None:
                return entry
            ahead = self._ahead(prompt)
            if ahead is None:  # it may have ended between the two questions
                return self._entry(prompt)
            now = self._listen(prompt, line, Progress(ahead=ahead, step=last.step, steps=last.steps))
            if now != last:
                last, moved = now, time.monotonic()
                on_progress(now)
            if self.stop.is_set():
                raise TransientError(
                    "the run was stopped", reason="stopped", remedy="run it again: what is drawn stays"
                )
            if time.monotonic() - moved > self.job_limit_s:
                raise JobLostError(
                    f"ComfyUI has {'queued' if ahead else 'drawn at'} one picture for {self.job_limit_s:g} s, and"
                    " nothing moves",
                    reason="job-stuck",
                    remedy="look at the server, or raise comfy.job_limit_s",
                )

    def _listen(self, prompt: str, line: Messages, now: Progress) -> Progress:
        """Hear messages for one `poll_s`, or until one says that the prompt ended."""
        until = time.monotonic() + self.poll_s
        while (left := until - time.monotonic()) > 0:
            message = line.next(left)
            if message is None:
                break
            try:
                told = orjson.loads(message)
            except ValueError:
                continue
            kind, data = at(told, "type"), at(told, "data")
            if at(data, "prompt_id") != prompt:
                continue
            if kind == "progress":
                value, steps = at(data, "value"), at(data, "max")
                if isinstance(value, int) and isinstance(steps, int):
                    now = Progress(step=value, steps=steps)
            elif kind in ("execution_success", "execution_error", "execution_interrupted"):
                break
        return now

    def _entry(self, prompt: str) -> Json | None:
        entry = at(self._client.get(f"/history/{prompt}").json(), prompt)
        status = at(entry, "status", "status_str")
        if status == "error":
            raise failure_of(entry)
        return entry if status == "success" else None

    def _ahead(self, prompt: str) -> int | None:
        """Prompts before it; 0 for the one that is drawn, None when the server does not know it."""
        queue = self._client.get("/queue").json()
        running, waiting = (
            [as_list(one) for one in as_list(at(queue, name)) if len(as_list(one)) > 1]
            for name in ("queue_running", "queue_pending")
        )
        if any(one[1] == prompt for one in running):
            return 0
        mine = next((one for one in waiting if one[1] == prompt), None)
        if mine is None:
            return None
        return len(running) + sum(1 for one in waiting if str(one[1]) != prompt and before(one[0], mine[0]))

    def _fetch(self, image: Mapping[str, Json]) -> bytes:
        query = urlencode({name: image[name] for name in ("filename", "subfolder", "type")})
        return self._client.file(f"/view?{query}", max_mb=self.limits.max_response_mb)
