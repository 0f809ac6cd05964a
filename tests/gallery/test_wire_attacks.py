"""Attacks by the bytes of a request, against the server itself: what two readers may read in two ways is refused, and nothing that
was hidden in it is carried out."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import uvicorn
from gallery_world import World

from gallery.api import wire

pytestmark = pytest.mark.slow
PATIENCE_SECONDS = 60
BODY = '{"title": "Mine"}'
LENGTH = f"content-length: {len(BODY)}\r\n"
CHUNKED = "transfer-encoding: chunked\r\n"


class Line:
    """The server, and Ann, who is signed in."""

    def __init__(self, world: World, port: int) -> None:
        self.world, self.port, self.ann = world, port, world.user("ann")
        self.cookie = f"cookie: session={self.ann.client.cookies['session']}\r\n"
        self.token = f"x-csrf: {self.ann.csrf}\r\n"

    @property
    def beginning(self) -> str:
        """Of a request that makes an album, but for how its body ends."""
        return f"POST /api/albums HTTP/1.1\r\nhost: x\r\n{self.cookie}{self.token}content-type: application/json\r\n"

    @property
    def whole(self) -> str:
        """A request that makes an album."""
        return f"{self.beginning}{LENGTH}\r\n{BODY}"

    def say(self, *parts: str, until: int | None = None) -> tuple[list[int], bytes]:
        """What is answered to these bytes, until the server ends the connection, or so many answers have come."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS) as connection:
            with suppress(OSError):
                for part in parts:
                    connection.sendall(part.encode("latin-1"))
            said, codes = b"", list[int]()
            with suppress(ConnectionError):
                while until is None or len(codes) < until:
                    if not (part := connection.recv(65536)):
                        break
                    said += part
                    codes = [int(one.split(b" ")[0]) for one in said.split(b"HTTP/1.1 ")[1:]]
        return codes, said

    def albums(self) -> int:
        return len(self.ann.get("/albums").json()["items"])

    def is_there(self) -> bool:
        return self.say("GET /api/session HTTP/1.1\r\nhost: x\r\n\r\n", until=1)[0] == [200]


@pytest.fixture(scope="module")
def line(module_database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    world = World.at(module_database(), tmp_path_factory.mktemp("wire"))
    serving: dict[str, Any] = wire.SERVING | {"log_level": "critical"}
    server = uvicorn.Server(uvicorn.Config(world.app, port=0, **serving))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + PATIENCE_SECONDS
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    yield Line(world, server.servers[0].sockets[0].getsockname()[1])
    server.should_exit = True
    thread.join()
    world.close()


def test_requests_one_after_the_other_are_carried_out(line: Line) -> None:
    before = line.albums()
    assert line.say(line.whole + line.whole, until=2)[0] == [201, 201]
    chunks = (
        f"{line.beginning}{CHUNKED}\r\n5;why=x\r\n{BODY[:5]}\r\n{len(BODY) - 5:x}\r\n{BODY[5:]}\r\n0\r\n\r\n"
    )
    assert line.say(chunks + line.whole, until=2)[0] == [201, 201]
    assert line.albums() == before + 4


FRAMINGS = [
    f"content-length: 0\r\n{CHUNKED}", f"{CHUNKED}content-length: 0\r\n",
    "content-length: 0\r\ncontent-length: 400\r\n", "content-length: 0\r\ncontent-length: 0\r\n", "content-length: 0, 400\r\n",
    "transfer-encoding: xchunked\r\n", "transfer-encoding: xchunked\r\ncontent-length: 400\r\n",
    "transfer-encoding: identity\r\n", "transfer-encoding: identity, chunked\r\n", "transfer-encoding: chunked, identity\r\n",
    "transfer-encoding: gzip, chunked\r\n", "transfer-encoding: chunked, chunked\r\n", f"{CHUNKED}{CHUNKED}",
    f"transfer-encoding: identity\r\n{CHUNKED}", "transfer-encoding:\x0bchunked\r\n", "transfer-encoding : chunked\r\n",
    "transfer-encoding: chunked\r\n ,identity\r\n", "x: y\r\n transfer-encoding: chunked\r\n", f" {CHUNKED}",
    "transfer-encoding:\r\n chunked\r\n", "x: y\ntransfer-encoding: chunked\r\n", "x: y\rtransfer-encoding: chunked\r\n",
    "content-length: +5\r\n", "content-length: -1\r\n", "content-length: 0x5\r\n", "content-length: 4_0\r\n",
    "content-length: 4 0\r\n", "content-length:\r\n", "content-length: \xb2\r\n", f"content-length: {'9' * 23}\r\n",
    "host: y\r\ncontent-length: 0\r\n", "x\x00y: z\r\ncontent-length: 0\r\n", "x: y\x00z\r\ncontent-length: 0\r\n",
    "x: y\x01z\r\ncontent-length: 0\r\n", ": x\r\ncontent-length: 0\r\n", "x\r\ncontent-length: 0\r\n",
]  # fmt: skip


@pytest.mark.parametrize("framing", FRAMINGS, ids=range(len(FRAMINGS)))
def test_a_request_whose_end_two_readers_see_in_two_places_is_refused_with_all_that_follows(
    line: Line, framing: str
) -> None:
    before = line.albums()
    begin = "POST /api/sign-out HTTP/1.1\r\nhost: x\r\n"
    codes, _ = line.say(f"{begin}{framing}\r\n0\r\n\r\n{line.whole}")
    assert (codes, line.albums()) == ([400], before)


CHUNKS = [
    "5;x=\n\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n",
    "5 \r\nhello\r\n0\r\n\r\n", "5\nhello\n0\n\n", "5\rhello\r0\r\r", f"{'F' * 17}\r\nhello\r\n0\r\n\r\n", "5\r\nhelloXX0\r\n\r\n",
    "\r\n5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\ncontent-length: 9\r\n\r\n", "5\r\nhello\r\n0\r\nx\x00: y\r\n\r\n",
]  # fmt: skip


@pytest.mark.parametrize("chunk", CHUNKS, ids=range(len(CHUNKS)))
def test_a_chunk_that_is_none_ends_the_connection(line: Line, chunk: str) -> None:
    before = line.albums()
    codes, _ = line.say(f"{line.beginning}{CHUNKED}\r\n{chunk}{line.whole}")
    assert line.albums() == before
    assert codes in ([400], [422, 400]), codes


def test_a_trailer_is_no_header(line: Line) -> None:
    """A proxy that takes out or sets headers looks at those that come first."""
    before, begin = line.albums(), line.beginning.replace(line.token, "")
    trailer = f"0\r\n{line.token}\r\n"
    (code,), _ = line.say(
        f"{begin}{CHUNKED}trailer: x-csrf\r\n\r\n{len(BODY):x}\r\n{BODY}\r\n{trailer}", until=1
    )
    assert (code, line.albums()) == (403, before)


BEGINNINGS = [
    "GET http://evil.example/api/session HTTP/1.1", "GET //evil.example/api/session HTTP/1.1", "CONNECT evil.example:443 HTTP/1.1",
    "TRACE /api/session HTTP/1.1", "GET /api/session HTTP/9.9", "GET /api/session", "PRI * HTTP/2.0",
    "GET /api/se\x00ssion HTTP/1.1", "GET \\evil.example HTTP/1.1", "OPTIONS * HTTP/1.1", "GET @evil.example/ HTTP/1.1",
    "GET /api/session#evil HTTP/1.1", "GET /api/session HTTP/1.1\r\nhost: evil.example", "GET /api/session HTTP/1.1 evil",
]  # fmt: skip


@pytest.mark.parametrize("begin", BEGINNINGS)
def test_no_request_is_handed_on_or_reflected(line: Line, begin: str) -> None:
    _, said = line.say(f"{begin}\r\nhost: x\r\nx-planted: seen\r\nconnection: close\r\n\r\n")
    assert said
    assert b"seen" not in said
    assert b"location:" not in said.lower()
    assert b"evil" not in said


def test_a_request_without_a_host_is_none(line: Line) -> None:
    assert line.say("GET /api/session HTTP/1.1\r\n\r\n")[0] == [400]


@pytest.mark.parametrize("upgrade", ["websocket", "h2c", "HTTP/2.0", "TLS/1.0"])
def test_nobody_leaves_the_protocol(line: Line, upgrade: str) -> None:
    key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n"
    asked = f"host: x\r\nconnection: upgrade, close, http2-settings\r\nupgrade: {upgrade}\r\n{key}\r\n{line.whole}"
    before = line.albums()
    for path in ("/api/nothing", "/api/session"):
        codes, _ = line.say(f"GET {path} HTTP/1.1\r\n{asked}")
        assert codes in ([200], [404])
    assert line.albums() == before


FLOODS = {
    "many": "x: y\r\n" * 20_000,
    "long": f"x: {'y' * 300_000}\r\n",
    "longer than one read, and not too long a name": f"{'x' * 60_000}: y\r\n",
    "cookies": f"cookie: {'a=b; ' * 40_000}\r\n",
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_flood_of_headers_is_refused(line: Line, flood: str) -> None:
    codes, _ = line.say(f"GET /api/session HTTP/1.1\r\nhost: x\r\n{flood}\r\n")
    assert codes in ([400], [])  # who goes on sending may find the connection reset before he reads
    assert line.is_there()


@pytest.mark.parametrize("what", ["GET /", "GET / HTTP/1.1\r\nx: ", "trailers", "extension"])
def test_what_never_ends_is_not_kept_in_memory(line: Line, what: str) -> None:
    """A gigabyte in pieces of a megabyte; no more than a few are taken."""
    begin = {
        "trailers": f"{line.beginning}{CHUNKED}\r\n2\r\n{{}}\r\n0\r\nx: ",
        "extension": f"{line.beginning}{CHUNKED}\r\n2;",
    }.get(what, what)
    sent = 0
    with socket.create_connection(("127.0.0.1", line.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(begin.encode())
        with suppress(ConnectionError):
            while sent < 1024:
                connection.sendall(b"y" * 2**20)
                sent += 1
    assert sent < 64
    assert line.is_there()


LATE = {
    "nothing": "", "a line": "GET /api/session HTTP/1.1\r\n", "headers": "GET /api/session HTTP/1.1\r\nhost: x\r\nx: y",
    "a body that nobody reads": "GET /api/session HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx",
    "trailers": f"GET /api/session HTTP/1.1\r\nhost: x\r\n{CHUNKED}\r\n0\r\nx: y",
}  # fmt: skip


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
def test_who_keeps_a_request_open_is_let_go(line: Line, monkeypatch: pytest.MonkeyPatch, late: str) -> None:
    """However often a byte comes, which keeps uvicorn's own timer from ending it."""
    monkeypatch.setattr(wire, "WHOLE_SECONDS", 0.5)
    until = time.monotonic() + PATIENCE_SECONDS
    with (
        socket.create_connection(("127.0.0.1", line.port), timeout=0.1) as connection,
        suppress(ConnectionError),
    ):
        connection.sendall(late.encode())
        while time.monotonic() < until:
            with suppress(TimeoutError):
                if not connection.recv(65536):
                    return
            connection.sendall(b"y" if late else b"")
        pytest.fail("the connection is open still")
