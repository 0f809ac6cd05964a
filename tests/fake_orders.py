"""Orders and questions to the fake servers."""

import base64
import io
import time
from typing import Any

import httpx
from PIL import Image

from fakes.server import FakeServers

MODEL = "grok-4.20-0309-non-reasoning"
SCHEMA = {
    "type": "object",
    "properties": {"caption": {"type": "string"}, "rating": {"enum": ["sfw", "review"]}},
}
JOB_WITHIN_S = 30.0
BOX = {"x": 20, "y": 20, "width": 40, "height": 40}


def order(
    client: httpx.Client, services: FakeServers, lent: str, target: str = "grey", **change: Any
) -> httpx.Response:
    body = {
        "mediaUrl": f"{lent}/{target}.png?X-Amz-Signature=s",
        "faces": [{"originalFace": BOX, "newFace": f"{lent}/red.png"}],
    }
    return client.post(f"{services.maxstudio_url}/swap-image", json=body | change)


def finished(client: httpx.Client, url: str) -> dict[str, Any]:
    """The job's answer when it runs no longer."""
    deadline = time.monotonic() + JOB_WITHIN_S
    while (answer := client.get(url).json())["status"] in {"queued", "processing"}:
        assert time.monotonic() < deadline, answer
        time.sleep(0.02)
    return answer


def swapped(client: httpx.Client, services: FakeServers, ordered: httpx.Response) -> dict[str, Any]:
    return finished(client, f"{services.maxstudio_url}/swap-image/{ordered.json()['jobId']}")


def png(colour: tuple[int, int, int] = (90, 120, 60)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(buffer, "PNG")
    return buffer.getvalue()


def question(data: bytes, **change: Any) -> dict[str, Any]:
    url = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    content = [
        {"type": "input_image", "image_url": url, "detail": "high"},
        {"type": "input_text", "text": "One sentence."},
    ]
    return {"model": MODEL, "store": False, "input": [{"role": "user", "content": content}], **change}


def ask(client: httpx.Client, services: FakeServers, **change: Any) -> httpx.Response:
    return client.post(f"{services.xai_url}/responses", json=question(png(), **change))
