"""A ComfyUI server: a workflow in its API form is queued, watched and its picture fetched.

Source: server.py and execution.py of ComfyUI 0.30.0, read 2026-11 (shared contracts, section 4). The websocket tells how
far a picture is; that it is finished is always asked of /history, so a lost websocket loses the progress and nothing else.
Unknown statuses mean "still running", unknown fields are ignored. What it answers is a stranger's: no name of a file it gives
is used here but to ask for that file.
"""

import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, cast
from urllib.parse import urlencode

import orjson

from likeness.errors import ConfigError, JobLostError, LikenessError, RejectedError, TransientError
from likeness.http.auth import Auth
from likeness.http.client import Client
from likeness.http.messages import Messages
from likeness.http.rate_limit import Limits
from likeness.http.responses import Response, clean
from likeness.store.items import Json

TIMES_QUEUED = 3
"""A server that restarts forgets its queue: a prompt is queued at most so often."""

NOT_LOADED = re.compile(r"lora key not loaded: (\S+)")
PLAIN_NAME = re.compile(r"[^/\\\x00-\x1f]{1,255}")
REMEDIES = {
    "lora_name": "put the LoRA into the server's models/loras, or set comfy.lora_folder to that folder (docs/comfyui.md)",
    "ckpt_name": "set comfy.checkpoint to the name of a file in the server's models/checkpoints",
    "sampler_name": "set comfy.sampler to one that the server has",
    "scheduler": "set comfy.scheduler to one that the server has",
    "missing_node_type": "install the node in the server: docs/comfyui.md has the line; then start it again",
}

Graph = Mapping[str, Mapping[str, Json]]
"""A workflow in ComfyUI's API form: {node id: {"class_type": ..., "inputs": {...}}}."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a prompt is: prompts before it in the queue, or steps done of `steps`."""

    ahead: int = 0
    step: int = 0
    steps: int = 0


def _silent(_: Progress) -> None: ...


class ComfyUI:
    """One server; safe to use from several threads. Nothing is sent before a call."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key_env: str | None,
        limits: Limits,
        poll_s: float,
        job_limit_s: float,
        stop: threading.Event,
    ) -> None:
        self._auth = Auth(header="Authorization", scheme="Bearer ", env=api_key_env) if api_key_env else None
        self._base_url, self._limits, self._stop = base_url, limits, stop
        self._poll_s, self._job_limit_s = poll_s, job_limit_s
        self._client = Client(
            "ComfyUI", base_url, auth=self._auth, limits=limits, stop=stop, translate=_translate
        )

    def __enter__(self) -> Self:
        self._client.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._client.__exit__(*error)

    def version(self) -> str:
        """The server's own, or "unknown"."""
        return str(_at(self._client.get("/system_stats").json(), "system", "comfyui_version") or "unknown")

    def describe(self, kind: str) -> Json | None:
        """What the server says of a kind of node; None where it has none of that name."""
        return _at(self._client.get(f"/object_info/{kind}").json(), kind)

    def choices(self, kind: str, name: str) -> list[str] | None:
        """What an input of a kind of node may be; None where the server has no such node."""
        if (described := self.describe(kind)) is None:
            return None
        given = _list(_at(described, "input", "required", name))
        listed = given[0] if given else None
        if listed == "COMBO":  # the newer form: ["COMBO", {"options": [...]}]
            listed = _at(given[-1], "options")
        return [one for one in _list(listed) if isinstance(one, str)]

    def log(self) -> list[tuple[str, str]] | None:
        """(time, line) of what the server last logged; None where it does not show its log."""
        try:
            entries = _at(self._client.get("/internal/logs/raw").json(), "entries")
        except (RejectedError, TransientError):
            return None
        if not isinstance(entries, list):
            return None
        return [(str(_at(one, "t")), str(_at(one, "m"))) for one in _list(entries)]

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
            with Messages(
                self._base_url, path, auth=self._auth, limits=self._limits, stop=self._stop
            ) as line:
                entry = self._ended(self._queue(graph, client), line, on_progress)
            if entry is not None:
                return self._fetch(_output(entry, output))
        raise JobLostError(
            f"ComfyUI forgot the picture {TIMES_QUEUED} times: it ends while it draws",
            reason="job-vanished", remedy="look at the server's log, start it again, then run this again",
        )  # fmt: skip

    def _queue(self, graph: Graph, client: str) -> str:
        # Drawing costs nobody money, so a lost answer is asked for again.
        answer = self._client.post("/prompt", {"prompt": graph, "client_id": client}, safe=True).json()
        prompt = _at(answer, "prompt_id")
        if not isinstance(prompt, str) or not PLAIN_NAME.fullmatch(prompt):
            raise TransientError("ComfyUI took the workflow and gave no prompt_id", reason="bad-answer")
        if errors := _node_errors(answer):
            raise _refused(errors, answer)
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
            if self._stop.is_set():
                raise TransientError(
                    "the run was stopped", reason="stopped", remedy="run it again: what is drawn stays"
                )
            if time.monotonic() - moved > self._job_limit_s:
                raise JobLostError(
                    f"ComfyUI has {'queued' if ahead else 'drawn at'} one picture for {self._job_limit_s:g} s, and"
                    " nothing moves",
                    reason="job-stuck",
                    remedy="look at the server, or raise comfy.job_limit_s",
                )

    def _listen(self, prompt: str, line: Messages, now: Progress) -> Progress:
        """Hear messages for one `poll_s`, or until one says that the prompt ended."""
        until = time.monotonic() + self._poll_s
        while (left := until - time.monotonic()) > 0:
            message = line.next(left)
            if message is None:
                break
            try:
                told = orjson.loads(message)
            except ValueError:
                continue
            kind, data = _at(told, "type"), _at(told, "data")
            if _at(data, "prompt_id") != prompt:
                continue
            if kind == "progress":
                value, steps = _at(data, "value"), _at(data, "max")
                if isinstance(value, int) and isinstance(steps, int):
                    now = Progress(step=value, steps=steps)
            elif kind in ("execution_success", "execution_error", "execution_interrupted"):
                break
        return now

    def _entry(self, prompt: str) -> Json | None:
        entry = _at(self._client.get(f"/history/{prompt}").json(), prompt)
        status = _at(entry, "status", "status_str")
        if status == "error":
            raise _failed(entry)
        return entry if status == "success" else None

    def _ahead(self, prompt: str) -> int | None:
        """Prompts before it; 0 for the one that is drawn, None when the server does not know it."""
        queue = self._client.get("/queue").json()
        running, waiting = (
            [_list(one) for one in _list(_at(queue, name)) if len(_list(one)) > 1]
            for name in ("queue_running", "queue_pending")
        )
        if any(one[1] == prompt for one in running):
            return 0
        mine = next((one for one in waiting if one[1] == prompt), None)
        if mine is None:
            return None
        return len(running) + sum(1 for one in waiting if str(one[1]) != prompt and _before(one[0], mine[0]))

    def _fetch(self, image: Mapping[str, Json]) -> bytes:
        query = urlencode({name: image[name] for name in ("filename", "subfolder", "type")})
        return self._client.file(f"/view?{query}", max_mb=self._limits.max_response_mb)


def lost_keys(lines: list[tuple[str, str]]) -> set[str]:
    """The LoRA keys that log lines say were not loaded."""
    return {key for _, line in lines for key in NOT_LOADED.findall(line)}


def _output(entry: Json, node: str) -> Mapping[str, Json]:
    """The one picture of a node, by its name on the server.

    Raises:
        RejectedError: there is not exactly one, or its name leads elsewhere.
    """
    images = _list(_at(entry, "outputs", node, "images"))
    found = images[0] if len(images) == 1 else None
    name, folder, kind = (_at(found, part) for part in ("filename", "subfolder", "type"))
    if (
        not isinstance(name, str) or not isinstance(folder, str) or kind not in ("output", "temp")
        or not PLAIN_NAME.fullmatch(name) or ".." in name or folder.startswith("/") or ".." in folder
        or not folder.isprintable()
    ):  # fmt: skip
        raise RejectedError(
            f"ComfyUI's answer is not one picture of node {node}: {clean(str(images))}",
            reason="bad-answer",
            remedy="look at the server: something else answers there, or a node changes what is drawn",
        )
    return {"filename": name, "subfolder": folder, "type": kind}


def _failed(entry: Json) -> LikenessError:
    """The error of a prompt that ended with one."""
    messages = [_list(one) for one in _list(_at(entry, "status", "messages"))]
    told = {str(one[0]): one[1] for one in messages if len(one) == 2}
    if "execution_interrupted" in told:
        return TransientError(
            "somebody stopped the picture in ComfyUI", reason="interrupted",
            remedy="run it again: what is drawn stays",
        )  # fmt: skip
    error = told.get("execution_error")
    kind, words = (
        str(_at(error, "exception_type") or ""),
        clean(str(_at(error, "exception_message") or "no reason given")),
    )
    what = (
        f"ComfyUI's node {_at(error, 'node_id')} ({_at(error, 'node_type')}) failed: {clean(kind)}: {words}"
    )
    if "OutOfMemory" in kind:
        return TransientError(
            what, reason="out-of-memory",
            remedy="free the server's memory (its button Unload Models), or set a smaller evaluate.side_px",
        )  # fmt: skip
    return RejectedError(
        what, reason="node-failed", remedy="the server's log has the traceback; mend what it names"
    )


def _translate(response: Response) -> LikenessError | None:
    """A workflow that the server refuses: every node's errors, plainly; it would refuse it again."""
    if response.status != 400:
        return None
    try:
        answer = orjson.loads(response.body)
    except ValueError:
        return None
    if _at(answer, "error") is None:
        return None
    return _refused(_node_errors(answer), answer)


def _node_errors(answer: Json) -> list[tuple[str, str, str]]:
    """(type, input, words) of each error of each node."""
    found: list[tuple[str, str, str]] = []
    nodes = _at(answer, "node_errors")
    for number, node in (cast("dict[str, Json]", nodes) if isinstance(nodes, dict) else {}).items():
        for error in _list(_at(node, "errors")):
            words = ": ".join(str(_at(error, part)) for part in ("message", "details") if _at(error, part))
            where = f"node {number} ({_at(node, 'class_type')})"
            found.append(
                (str(_at(error, "type")), str(_at(error, "extra_info", "input_name")), f"{where}: {words}")
            )
    return found


def _refused(errors: list[tuple[str, str, str]], answer: Json) -> ConfigError:
    whole = _at(answer, "error")
    words = "; ".join(clean(text) for _, _, text in errors[:5]) or clean(
        ": ".join(str(_at(whole, part)) for part in ("message", "details") if _at(whole, part)) or str(whole)
    )
    said = [name for kind, name, _ in errors for name in (name, kind)] + [str(_at(whole, "type"))]
    remedy = next((REMEDIES[name] for name in said if name in REMEDIES), "docs/comfyui.md has what is sent")
    return ConfigError(f"ComfyUI refuses the workflow: {words}", reason="workflow-refused", remedy=remedy)


def _at(value: Json, *path: str) -> Any:
    """What lies at a path of an answer; None where anything on the way is missing or of another kind."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = cast("dict[str, Json]", value).get(name)
    return value


def _list(value: Json) -> list[Any]:
    """A list of an answer; anything else is an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def _before(one: Json, other: Json) -> bool:
    return isinstance(one, int | float) and isinstance(other, int | float) and one < other
