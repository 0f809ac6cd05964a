"""ComfyUI: workflows queued, drawn one after another, kept in a history; with its silent failure, and restarts.

A picture follows from the workflow alone: the same words and seed give the same colours, and a LoRA that loads shifts them.
"""

import asyncio
import hashlib
import io
import json
import time
import uuid
from collections import deque
from pathlib import Path
from typing import Any

from aiohttp import web
from PIL import Image, ImageOps

from fakes.books import Books
from fakes.middleware import Refusal
from fakes.settings import Settings

VERSION = "0.30.0"
LORA_KEY = "lora_unet_down_blocks_1_attentions_0_proj_in.lora_up.weight"
LOG_LINES = 300
NODES = (
    "LikenessTinyBase", "CheckpointLoaderSimple", "LoraLoader", "CLIPTextEncode", "EmptyLatentImage", "KSampler",
    "VAEDecode", "PreviewImage", "SaveImage",
)  # fmt: skip
BOMB_SIDE_PX = 12_000
LOOK_S = 0.05


class ComfyUI:
    """One server that draws one picture at a time."""

    def __init__(self, settings: Settings, books: Books) -> None:
        self._settings, self._books = settings, books
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._log: deque[dict[str, str]] = deque(maxlen=LOG_LINES)
        self._restarts = 0
        self._forget()

    def routes(self) -> list[web.RouteDef]:
        """The endpoints."""
        at = "/comfyui"
        return [
            web.get(f"{at}/system_stats", self._stats, name="comfyui.stats"),
            web.get(f"{at}/object_info/{{kind}}", self._info, name="comfyui.info"),
            web.get(f"{at}/internal/logs/raw", self._logs, name="comfyui.logs"),
            web.get(f"{at}/queue", self._queue, name="comfyui.queue"),
            web.get(f"{at}/history/{{prompt}}", self._entry, name="comfyui.history"),
            web.get(f"{at}/view", self._view, name="comfyui.view"),
            web.get(f"{at}/ws", self._ws, name="comfyui.ws"),
            web.post(f"{at}/prompt", self._prompt, name="comfyui.prompt"),
        ]

    def _forget(self) -> None:
        """What a restart does: nobody is told."""
        self._waiting: list[list[Any]] = []
        self._running: list[list[Any]] = []
        self._history: dict[str, Any] = {}
        self._files: dict[str, bytes] = {}
        self._worker: asyncio.Task[None] | None = None

    async def _stats(self, _: web.Request) -> web.Response:
        return web.json_response({"system": {"comfyui_version": VERSION}, "devices": []})

    async def _info(self, request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        if kind not in NODES or kind in self._settings.comfy_missing_nodes:
            return web.json_response({})
        choices = {
            "LoraLoader": ("lora_name", self._loras()),
            "CheckpointLoaderSimple": ("ckpt_name", ["base.safetensors"]),
        }
        name, listed = choices.get(kind, ("", []))
        required = {name: [listed, {}]} if name else {}
        return web.json_response({kind: {"input": {"required": required}}})

    async def _logs(self, _: web.Request) -> web.Response:
        if not self._settings.comfy_shows_log:
            raise Refusal(404, {"error": "not found"})
        return web.json_response({"entries": list(self._log), "size": {}})

    async def _queue(self, _: web.Request) -> web.Response:
        return web.json_response({"queue_running": self._running, "queue_pending": self._waiting})

    async def _entry(self, request: web.Request) -> web.Response:
        prompt = request.match_info["prompt"]
        if self._settings.comfy_answers == "huge_json":
            return web.json_response({prompt: {"padding": "x" * 4_000_000}})
        found = self._history.get(prompt)
        return web.json_response({} if found is None else {prompt: found})

    async def _view(self, request: web.Request) -> web.Response:
        data = self._files.get(request.query.get("filename", ""))
        if data is None:
            return web.Response(status=404)
        return web.Response(body=data, content_type="image/png")

    async def _ws(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client = request.query.get("clientId", "")
        self._sockets[client] = socket
        await socket.send_json({"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 0}}}})
        if self._settings.comfy_ws == "lost":
            await asyncio.sleep(0.05)
            await socket.close(code=1011)
        async for _ in socket:
            pass
        self._sockets.pop(client, None)
        return socket

    async def _prompt(self, request: web.Request) -> web.Response:
        asked = json.loads(await request.read())
        if len(self._waiting) >= self._settings.comfy_queue_limit:
            raise Refusal(429, {"error": {"type": "queue_full", "message": "The queue is full"}})
        if errors := self._errors(asked["prompt"]):
            error = {
                "type": "prompt_outputs_failed_validation",
                "message": "Prompt outputs failed validation",
                "details": "",
            }
            raise Refusal(400, {"error": error, "node_errors": errors})
        prompt, number = str(uuid.uuid4()), len(self._history) + len(self._waiting) + len(self._running)
        self._books.buy(
            "comfyui.prompt", hashlib.sha256(json.dumps(asked["prompt"]).encode()).hexdigest(), key_ok=True
        )
        self._waiting.append([number, prompt, asked["prompt"], {"client_id": asked.get("client_id", "")}, []])
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return web.json_response({"prompt_id": prompt, "number": number, "node_errors": {}})

    async def _work(self) -> None:
        while self._waiting:
            self._running = [self._waiting.pop(0)]
            _, prompt, graph, extra, _ = self._running[0]
            if self._restarts < self._settings.comfy_restarts:
                self._restarts += 1
                self._forget()
                return
            await self._draw(prompt, graph, extra["client_id"])
            self._running = []

    async def _draw(self, prompt: str, graph: dict[str, Any], client: str) -> None:
        steps = next(
            (node["inputs"]["steps"] for node in graph.values() if node["class_type"] == "KSampler"), 1
        )
        for step in range(1, 3):
            began = time.monotonic()
            while (left := began + self._settings.comfy_draw_s / 2 - time.monotonic()) > 0:
                await asyncio.sleep(min(left, LOOK_S))  # in between it may be told to take less
            await self._tell(
                client,
                "progress",
                {"value": steps * step // 2, "max": steps, "prompt_id": prompt, "node": "6"},
            )
        status: dict[str, Any] = {"status_str": "success", "completed": True, "messages": []}
        outputs: dict[str, Any] = {}
        if self._settings.comfy_answers == "node_fails":
            words = {
                "node_id": "draw1",
                "node_type": "KSampler",
                "exception_type": "RuntimeError",
                "exception_message": "mat1 and mat2 shapes cannot be multiplied",
            }
            status = {"status_str": "error", "completed": False, "messages": [["execution_error", words]]}
        else:
            for name, node in graph.items():
                if node["class_type"] in ("PreviewImage", "SaveImage"):
                    outputs[name] = {"images": [self._shown(graph)]}
        self._history[prompt] = {"outputs": outputs, "status": status}
        await self._tell(
            client, "execution_success", {"prompt_id": prompt, "timestamp": int(time.time() * 1000)}
        )

    async def _tell(self, client: str, kind: str, data: dict[str, Any]) -> None:
        socket = self._sockets.get(client)
        if socket is not None and not socket.closed:
            await socket.send_json({"type": kind, "data": data})

    def _shown(self, graph: dict[str, Any]) -> dict[str, str]:
        name = f"{uuid.uuid4().hex}.png"
        self._files[name] = self._picture(graph)
        if self._settings.comfy_answers == "odd_name":
            return {"filename": "../../etc/passwd", "subfolder": "", "type": "output"}
        return {"filename": name, "subfolder": "", "type": "temp"}

    def _picture(self, graph: dict[str, Any]) -> bytes:
        """The workflow's picture; one of a folder where there is one, so that faces can be in it."""
        loaders = [node["inputs"] for node in graph.values() if node["class_type"] == "LoraLoader"]
        size = next(node["inputs"] for node in graph.values() if node["class_type"] == "EmptyLatentImage")
        if self._settings.comfy_answers == "bomb":
            return _png(Image.new("1", (BOMB_SIDE_PX, BOMB_SIDE_PX)))
        words = sorted(
            node["inputs"]["text"] for node in graph.values() if node["class_type"] == "CLIPTextEncode"
        )
        seeds = [node["inputs"]["seed"] for node in graph.values() if node["class_type"] == "KSampler"]
        if loaders and self._settings.comfy_lora_loads and self._settings.comfy_pictures:
            return _cut(Path(self._settings.comfy_pictures), seeds[0], (size["width"], size["height"]))
        digest = hashlib.sha256(json.dumps([words, seeds]).encode()).digest()
        colours = [tuple(digest[place : place + 3]) for place in (0, 3, 6, 9)]
        if loaders and self._settings.comfy_lora_loads:
            shift = round(40 * loaders[0]["strength_model"])
            colours = [tuple((part + shift) % 256 for part in colour) for colour in colours]
        if loaders and not self._settings.comfy_lora_loads:
            line = f"\x1b[33m[WARNING]\x1b[0m lora key not loaded: {LORA_KEY}\n"
            self._log.append({"t": f"{time.time():.6f}", "m": line})
        image = Image.new("RGB", (2, 2))
        image.putdata(colours)
        return _png(image.resize((size["width"], size["height"]), Image.Resampling.BICUBIC))

    def _errors(self, graph: dict[str, Any]) -> dict[str, Any]:
        """The node errors of what the server does not have."""
        found: dict[str, Any] = {}
        for number, node in graph.items():
            name = node["inputs"].get("lora_name")
            if name is not None and name not in self._loras():
                words = f"lora_name: '{name}' not in {self._loras()[:5]}"
                error = {
                    "type": "value_not_in_list",
                    "message": "Value not in list",
                    "details": words,
                    "extra_info": {"input_name": "lora_name"},
                }
                found[number] = {"errors": [error], "dependent_outputs": [], "class_type": node["class_type"]}
        return found

    def _loras(self) -> list[str]:
        folder = self._settings.comfy_loras
        return sorted(path.name for path in Path(folder).iterdir()) if folder else ["jade-v1.safetensors"]


def _cut(folder: Path, seed: int, size: tuple[int, int]) -> bytes:
    """One of a folder's pictures, cut to a size."""
    paths = sorted(folder.iterdir())
    with Image.open(paths[seed % len(paths)]) as image:
        return _png(ImageOps.fit(image.convert("RGB"), size))


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
