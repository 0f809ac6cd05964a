"""A vendor's server that does what it is told, faults too."""

import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from likeness.http.auth import Auth
from likeness.http.client import Client
from likeness.http.rate_limit import Limits

KEY = "planted-key-Zq81"


AUTH = Auth(header="X-Api-Key", scheme="", env="LIKENESS_TEST_KEY")


QUICK = {
    "in_flight": 8, "requests_per_minute": None, "tokens_per_minute": None, "connect_s": 2, "write_s": 2, "read_s": 2,
    "attempts": 3, "backoff_s": 0.001, "backoff_max_s": 0.002, "max_response_mb": 1,
}  # fmt: skip


# Drips and waits end by themselves after this, so that a broken bound fails a test instead of hanging it.
DRIP_S, DRIPS = 0.05, 1200


@dataclass(frozen=True)
class Asked:
    """One request as the server got it; `connection` counts them from 0."""

    connection: int
    line: str
    headers: dict[str, str]
    body: bytes


Act = Callable[[socket.socket, Asked], None]


def answer(status: int, body: bytes = b"{}", **headers: str) -> Act:
    """A plain answer."""
    names = {
        "content-length": str(len(body)),
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }
    lines = "".join(f"{name}: {text}\r\n" for name, text in names.items())

    def act(sock: socket.socket, _: Asked) -> None:
        sock.sendall(f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + body)

    return act


def raw(*pieces: bytes, every_s: float = 0.0) -> Act:
    """Bytes as they are, then hang up."""

    def act(sock: socket.socket, _: Asked) -> None:
        for piece in pieces:
            sock.sendall(piece)
            time.sleep(every_s)
        raise ConnectionError

    return act


def slowly(first: bytes, piece: bytes) -> Act:
    return raw(first, *[piece] * DRIPS, every_s=DRIP_S)


FINE = answer(200, b'{"fine": true}')


DROPPED = raw()


TRUNCATED = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{")


MALFORMED = answer(200, b"<html>busy</html>", content_type="text/html")


NESTED = answer(200, b"[" * 100_000)


GARBAGE = raw(b"\x00\x01\x02 nothing like HTTP\r\n\r\n")


BIG = answer(200, b'"' + b"x" * 2_000_000 + b'"')


ENDLESS = raw(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 100_000] * 1000)


BOMB = answer(200, zlib.compress(b"x" * 50_000_000, wbits=31), content_encoding="gzip")


UNKNOWN_CODING = answer(200, b"xxxx", content_encoding="br")


DRIPPED_BODY = slowly(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n", b" ")


DRIPPED_HEAD = slowly(b"HTTP/1.1 200 OK\r\n", b"x-a: b\r\n")


# A gzip header whose file name never ends: bytes come, and no byte of the body ever does.
DRIPPED_CODING = slowly(
    b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 999\r\n\r\n\x1f\x8b\x08\x08" + b"\0" * 6,
    b"n",
)


LONGER_THAN_IT_SAYS = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 900000000\r\n\r\n{}")


LOST = {
    "dropped": DROPPED, "truncated": TRUNCATED, "malformed": MALFORMED, "nested": NESTED, "garbage": GARBAGE,
    "big": BIG, "endless": ENDLESS, "bomb": BOMB, "unknown coding": UNKNOWN_CODING, "length lie": LONGER_THAN_IT_SAYS,
    "504": answer(504),
}  # fmt: skip


DRIPS_OF = {"body": DRIPPED_BODY, "head": DRIPPED_HEAD, "coding": DRIPPED_CODING}


class Server:
    """Does what `script` says, one act a request, the last again and again."""

    def __init__(self) -> None:
        self.script: list[Act] = [FINE]
        self.asked: list[Asked] = []
        self.under_way = self.most_under_way = 0
        self._lock = threading.Lock()
        self._connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # shutdown wakes the thread in accept(); close alone would leave it there.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                number, self._connections = self._connections, self._connections + 1
                threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        with suppress(OSError), sock, sock.makefile("rb") as stream:
            while line := stream.readline().decode().strip():
                headers = {}
                while text := stream.readline().decode("latin-1").strip():
                    name, _, value = text.partition(":")
                    headers[name.lower()] = value.strip()
                asked = Asked(number, line, headers, stream.read(int(headers.get("content-length", 0))))
                with self._lock:
                    self.asked.append(asked)
                    act = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                    self.under_way += 1
                    self.most_under_way = max(self.under_way, self.most_under_way)
                try:
                    act(sock, asked)
                finally:
                    with self._lock:
                        self.under_way -= 1


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKENESS_TEST_KEY", KEY)
    monkeypatch.setenv(
        "LIKENESS_ALLOWED_HOSTS",
        "LIKENESS_TEST_KEY=127.0.0.1 LIKENESS_TEST_KEY=localhost LIKENESS_TEST_KEY=api.vendor.example",
    )


def client(
    url: str, *, auth: Auth | None = AUTH, translate: Any = None, stop: Any = None, **changes: Any
) -> Client:
    return Client(
        "Vendor",
        url,
        auth=auth,
        limits=Limits(**{**QUICK, **changes}),
        stop=stop or threading.Event(),
        translate=translate,
    )
