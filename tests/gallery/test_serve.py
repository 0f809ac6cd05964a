"""`serve` as a program: who it believes, what it starts, and that all of it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fakes.ports import free_port
from gallery.api.wire import Wire
from gallery.settings import Settings

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 120
SERVE = """
import pathlib, sys
from gallery.cli import app, serve
serve.WEB = pathlib.Path(sys.argv.pop(1))
app.main()
"""
NODE = """#!{python}
import http.server, os, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["GALLERY_API"].encode())
    def log_message(self, *_): pass
at = sys.argv.index("-H")
http.server.HTTPServer((sys.argv[at + 1], int(sys.argv[-1])), Page).serve_forever()
"""


def children(pid: int) -> set[int]:
    """All programs below one."""
    own = {
        int(one) for path in Path(f"/proc/{pid}/task").glob("*/children") for one in path.read_text().split()
    }
    return own.union(*(children(one) for one in own))


def workers(pid: int) -> set[int]:
    """The workers below a program."""
    return {one for one in children(pid) if b"\0worker\0" in Path(f"/proc/{one}/cmdline").read_bytes()}


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def serving(folder: Path, *options: str, **settings: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The program and its address, once it answers."""
    port = free_port()
    environment = os.environ | {"GALLERY_FOLDER": str(folder), "GALLERY_SECRET": "s" * 40, **settings}
    command = [sys.executable, "-c", SERVE, str(folder / "web"), "serve", "--port", str(port), *options]
    program = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/api/session"))
        yield program, f"http://127.0.0.1:{port}/api"
    finally:
        program.kill()
        program.wait()


def guesses(url: str) -> list[int]:
    """What 31 guesses at a link are answered, each said to come from elsewhere."""
    with httpx.Client() as browser:
        csrf = browser.get(f"{url}/session").json()["csrf"]
        body = {"token": "guess", "password": "another password"}
        return [browser.post(f"{url}/password/reset", json=body, headers={"x-csrf": csrf, "x-forwarded-for": f"10.0.0.{number}"})
                .status_code for number in range(31)]  # fmt: skip


@pytest.mark.slow
def test_a_header_hides_nobody_from_the_limits_unless_a_proxy_is_named(
    new_database: Callable[..., str], tmp_path: Path
) -> None:
    with serving(tmp_path, "--no-worker", GALLERY_DATABASE_URL=new_database()) as (_, url):
        assert guesses(url) == [422] * 30 + [429]
    named = {"GALLERY_DATABASE_URL": new_database(), "GALLERY_TRUSTED_PROXIES": "127.0.0.1"}
    with serving(tmp_path, "--no-worker", **named) as (_, url):
        assert guesses(url) == [422] * 31


def test_uvicorn_calls_what_the_wire_checks_in() -> None:
    """Where uvicorn names one of them otherwise, it would call nothing of ours, and nothing would be refused."""
    ours = {name for name, what in vars(Wire).items() if callable(what) and name[:1] != "_"}
    theirs = ours | {"send_400_response"}
    gone = sorted(name for name in theirs if not callable(getattr(HttpToolsProtocol, name, None)))
    assert not gone, (
        f"uvicorn has another HttpToolsProtocol, without {gone}: mend gallery/api/wire.py before its pin is moved"
    )
    assert {
        "data_received",
        "on_header",
        "on_headers_complete",
        "on_message_begin",
        "on_message_complete",
    } <= ours


@pytest.mark.parametrize("proxies", ["*", "example.org", "10.0.0.1,*"])
def test_a_proxy_is_named_by_its_address(proxies: str) -> None:
    with pytest.raises(ValidationError):
        Settings(trusted_proxies=proxies)


@pytest.mark.slow
def test_a_killed_worker_comes_again_and_a_signal_ends_the_worker_the_pages_the_database_and_open_streams(
    tmp_path: Path,
) -> None:
    (tmp_path / "web" / ".next").mkdir(parents=True)
    (tmp_path / "web" / ".next" / "BUILD_ID").touch()
    node = tmp_path / "bin" / "node"
    node.parent.mkdir()
    node.write_text(NODE.format(python=sys.executable))
    node.chmod(0o755)
    pages = f"http://127.0.0.1:{free_port()}"
    settings = {"GALLERY_PUBLIC_URL": pages, "PATH": f"{node.parent}:{os.environ['PATH']}"}
    with serving(tmp_path, "--pages", **settings) as (program, url):
        wait_for(lambda: answers(pages))
        assert httpx.get(pages).text == url.removesuffix("/api")
        wait_for(lambda: (tmp_path / "postgres" / "postmaster.pid").exists())
        postgres = int((tmp_path / "postgres" / "postmaster.pid").read_text().split()[0])
        (worker,) = workers(program.pid)
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: bool(workers(program.pid) - {worker}))
        started = children(program.pid) | {postgres}
        assert len(started) > 2
        host, _, port = url.removeprefix("http://").removesuffix("/api").partition(":")
        with socket.create_connection((host, int(port))) as stream:  # a request that never ends by itself
            stream.sendall(b"POST /api/sign-in HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n")
            program.send_signal(signal.SIGTERM)
            assert program.wait(PATIENCE_SECONDS) == 0
        wait_for(lambda: not any(map(is_running, started)))
