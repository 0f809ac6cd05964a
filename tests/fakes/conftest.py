"""The fake servers, and pictures that they fetch."""

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from fakes.server import FakeServers


@pytest.fixture(scope="module")
def services() -> Iterator[FakeServers]:
    with FakeServers(swap="echo", detect="middle", keys={"maxstudio": "right", "xai": "right"}) as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(services: FakeServers) -> None:
    services.set_faults({})
    services.reset()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lent")
    for name, colour in (("red", (200, 40, 30)), ("blue", (20, 40, 220)), ("grey", (128, 128, 128))):
        Image.new("RGB", (96, 80), colour).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def lent(pictures: Path) -> Iterator[str]:
    """The address of a bucket's worth of pictures; `/tests/photos` are the synthetic people."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

    for name in ("sources", "targets"):
        (pictures / name).symlink_to(Path(__file__).parents[1] / "photos" / name)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=pictures))
    threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    headers = {"x-api-key": "right", "Authorization": "Bearer right"}
    with httpx.Client(headers=headers, timeout=30, trust_env=False, verify=False) as one:
        yield one
