"""The HTTP layer against a server of this file's own on loopback: what is tried again, in doubt, bounded, hidden."""

import logging
import socket
import threading
import time
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from types import TracebackType
from typing import Any

import pytest

from likeness.errors import (
    AuthError,
    ConfigError,
    InDoubtError,
    LikenessError,
    QuotaError,
    RejectedError,
    TransientError,
)
from likeness.http.auth import Auth
from likeness.http.client import Client
from likeness.http.rate_limit import Limits
from likeness.http.responses import Response

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
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
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


# --- what is tried again, and what is in doubt


@pytest.mark.parametrize("fault", LOST)
def test_a_question_is_asked_again_after_every_fault_that_may_pass(server, fault):
    server.script = [LOST[fault], FINE]
    with client(server.url) as vendor:
        assert vendor.get("/x").json() == {"fine": True}
    assert len(server.asked) == 2


@pytest.mark.parametrize("fault", LOST)
def test_a_purchase_whose_answer_is_lost_is_in_doubt_and_never_repeated(server, fault):
    server.script = [LOST[fault], FINE]
    with client(server.url) as vendor, pytest.raises(InDoubtError, match="may have been carried out"):
        vendor.post("/buy", {}, safe=False)
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_purchase_that_was_refused_for_now_is_tried_again(server, status):
    server.script = [answer(status), FINE]
    with client(server.url) as vendor:
        assert vendor.post("/buy", {"a": 1}, safe=False).status == 200
    assert [asked.body for asked in server.asked] == [b'{"a":1}'] * 2


def test_a_purchase_that_reached_nobody_is_not_in_doubt():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with client(url) as vendor, pytest.raises(TransientError) as caught:
        vendor.post("/buy", {}, safe=False)
    assert type(caught.value) is TransientError
    assert caught.value.reason == "no-connection"


def test_a_purchase_that_did_not_go_out_whole_is_not_in_doubt(server):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        big = "x" * 20_000_000  # more than the buffers of both ends take
        with client(url, write_s=0.2, attempts=1) as vendor, pytest.raises(TransientError) as caught:
            vendor.post("/buy", big, safe=False)
    assert type(caught.value) is TransientError


def test_it_gives_up_after_so_many_tries_and_says_what_the_vendor_said(server):
    server.script = [answer(500, b'{"error":"out of\x07 paper"}')]
    with client(server.url) as vendor, pytest.raises(TransientError) as caught:
        vendor.get("/x")
    assert len(server.asked) == 3
    assert caught.value.message == 'Vendor: GET /x answered 500: {"error":"out of  paper"}'


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, AuthError), (403, AuthError), (402, QuotaError), (400, RejectedError), (404, RejectedError),
     (413, RejectedError), (422, RejectedError), (302, RejectedError), (307, RejectedError)],
)  # fmt: skip
def test_a_refusal_is_told_at_once(server, status, kind):
    server.script = [answer(status, location=f"{server.url}/elsewhere")]
    with client(server.url) as vendor, pytest.raises(kind):
        vendor.post("/buy", {}, safe=False)
    assert len(server.asked) == 1


def test_a_vendors_own_words_come_before_the_status(server):
    def translate(response: Response) -> LikenessError | None:
        return QuotaError("empty") if b"credits" in response.body else None

    server.script = [answer(429, b"no credits"), FINE]
    with client(server.url, translate=translate) as vendor, pytest.raises(QuotaError, match="empty"):
        vendor.get("/x")


def test_a_job_id_cannot_leave_its_path(server):
    with client(server.url) as vendor:
        vendor.get("/jobs/a b\r\nx-evil: 1/é")
    assert server.asked[0].line == "GET /jobs/a%20bx-evil:%201/%C3%A9 HTTP/1.1"
    assert "x-evil" not in server.asked[0].headers


def test_an_api_is_reached_through_the_proxy_that_the_environment_names(server, monkeypatch):
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.url.replace("//", "//someone:p%40ss@"))
    monkeypatch.setenv("LIKENESS_ALLOWED_HOSTS", "http=api.vendor.example")
    with client("http://api.vendor.example/v1", auth=None) as vendor:
        assert vendor.get("/x").json() == {"fine": True}
    assert server.asked[0].line == "GET http://api.vendor.example/v1/x HTTP/1.1"
    assert server.asked[0].headers["host"] == "api.vendor.example"
    assert b64decode(server.asked[0].headers["proxy-authorization"].removeprefix("Basic ")) == b"someone:p@ss"


def test_a_base_url_that_is_none_is_a_setting_to_correct():
    with pytest.raises(ConfigError, match="base_url"):
        client("api.vendor.example/v1")


# --- bounds


@pytest.mark.parametrize("drip", DRIPS_OF)
@pytest.mark.parametrize("download", [False, True])
def test_a_drip_ends_in_time(server, drip, download):
    server.script = [DRIPS_OF[drip]]
    started = time.monotonic()
    with (
        client(server.url, connect_s=0.2, write_s=0.2, read_s=0.3, attempts=1) as vendor,
        pytest.raises(TransientError),
    ):
        vendor.download(f"{server.url}/x", max_mb=1) if download else vendor.get("/x")
    assert time.monotonic() - started < DRIPS * DRIP_S / 2


@pytest.mark.parametrize("fault", ["big", "endless", "bomb"])
def test_a_file_is_bounded_in_bytes(server, fault):
    server.script = [LOST[fault]]
    with client(server.url, attempts=1) as vendor, pytest.raises(TransientError, match="1 MB"):
        vendor.download(f"{server.url}/x", max_mb=1)


def test_a_packed_answer_within_the_bound_is_read(server):
    server.script = [answer(200, zlib.compress(b'{"a": 1}', wbits=31), content_encoding="gzip")]
    with client(server.url) as vendor:
        assert vendor.get("/x").json() == {"a": 1}


# --- how much at a time


def test_connections_are_used_again(server):
    with client(server.url, in_flight=4) as vendor, ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda n: vendor.post("/x", n, safe=True), range(60)))
    assert len(server.asked) == 60
    assert len({asked.connection for asked in server.asked}) <= 4
    assert server.most_under_way <= 4


def test_a_429_halves_what_is_under_way_and_success_brings_it_back(server):
    with client(server.url, in_flight=8) as vendor:
        server.script = [answer(429), FINE]
        vendor.get("/x")
        halved = vendor._rates.allowed
        for _ in range(40):
            vendor.get("/x")
        assert (halved, vendor._rates.allowed) == (4, 8)


def test_a_burst_of_429s_counts_once(server):
    together = threading.Barrier(8)

    def refuse(sock: socket.socket, asked: Asked) -> None:
        together.wait(timeout=60)
        answer(429)(sock, asked)

    server.script = [*[refuse] * 8, FINE]
    with client(server.url, in_flight=8) as vendor, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: vendor.get("/x"), range(8)))
        assert vendor._rates.allowed >= 4


@pytest.mark.parametrize(
    ("limits", "tokens"), [({"tokens_per_minute": 6000}, 10), ({"requests_per_minute": 600}, 0)]
)
def test_requests_and_tokens_a_minute_are_spaced(server, limits, tokens):
    started = time.monotonic()
    with client(server.url, **limits) as vendor, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: vendor.post("/x", n, safe=True, tokens=tokens), range(5)))
    assert time.monotonic() - started >= 0.4


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_makes_everybody_wait_also_who_has_a_turn(server, status):
    times: list[float] = []

    def refuse(sock: socket.socket, asked: Asked) -> None:
        times.append(time.monotonic())
        answer(status, retry_after="2")(sock, asked)

    def fine(sock: socket.socket, asked: Asked) -> None:
        times.append(time.monotonic())
        FINE(sock, asked)

    server.script = [refuse, fine]
    with client(server.url, in_flight=4, requests_per_minute=60) as vendor, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: vendor.post("/x", n, safe=True), range(3)))
    # The second's turn is 1 s after the first's: it is not taken before the two seconds are over.
    assert times[1] - times[0] >= 1.9


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [("2", 2, 2), ("1.5", 1.5, 1.5), ("-5", 0, 0), ("soon", 0, 0), ("nan", 0, 0), ("inf", 300, 300), ("99999", 300, 300),
     ("Fri, 99 Foo 99999 99:99:99 GMT", 0, 0)],
)  # fmt: skip
def test_retry_after_in_every_form(value, least, most):
    assert least <= Response(429, {"retry-after": value}, b"").retry_after_s() <= most


def test_retry_after_as_a_date():
    soon = formatdate(time.time() + 60, usegmt=True)
    assert 50 <= Response(429, {"retry-after": soon}, b"").retry_after_s() <= 60


def test_a_stopped_run_waits_for_no_retry(server):
    ended = threading.Event()

    def stop(sock: socket.socket, asked: Asked) -> None:
        ended.set()
        answer(503, retry_after="200")(sock, asked)

    server.script = [stop]
    started = time.monotonic()
    with (
        client(server.url, stop=ended, backoff_s=60, backoff_max_s=60) as vendor,
        pytest.raises(TransientError) as caught,
    ):
        vendor.get("/x")
    assert caught.value.reason == "stopped"
    assert time.monotonic() - started < 50


# --- files


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://93.184.216.34/x.png", "not-https"),
        ("ftp://93.184.216.34/x.png", "not-https"),
        ("file:///etc/passwd", "bad-url"),
        ("https://user:word@93.184.216.34/x.png", "bad-url"),
        ("https://93.184.216.34:99999/x.png", "bad-url"),
        ("https://[::1", "bad-url"),
        ("https://127.0.0.1/x.png", "not-public"),
        ("https://10.0.0.8/x.png", "not-public"),
        ("https://100.64.0.1/x.png", "not-public"),
        ("https://169.254.169.254/latest/meta-data", "not-public"),
        ("https://0.0.0.0/x.png", "not-public"),
        ("https://2130706433/x.png", "not-public"),
        ("https://[::1]/x.png", "not-public"),
        ("https://[::ffff:10.0.0.8]/x.png", "not-public"),
        ("https://[fd00::1]/x.png", "not-public"),
        ("https://[64:ff9b::a9fe:a9fe]/x.png", "not-public"),
        ("https://[64:ff9b:1::7f00:1]/x.png", "not-public"),
        ("https://[2002:7f00:1::]/x.png", "not-public"),
        ("https://[2001:0:7f00:1::]/x.png", "not-public"),
        ("https://[::7f00:1]/x.png", "not-public"),
        ("https://[fec0::1]/x.png", "not-public"),
        ("https://localhost/x.png", "not-public"),
    ],
)
def test_a_file_is_fetched_from_public_https_only(url, reason):
    with client("https://api.vendor.example") as vendor, pytest.raises(RejectedError) as caught:
        vendor.download(url, max_mb=1)
    assert caught.value.reason == reason


def test_the_address_that_is_connected_to_is_the_one_that_was_checked(server, monkeypatch):
    """A name that stands for a public address the first time and for this machine the second (DNS rebinding)."""
    connected: list[str] = []
    answers = iter(["93.184.216.34", "127.0.0.1"])
    port = int(server.url.rpartition(":")[2])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", (next(answers), port))])

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    with (
        client("https://api.vendor.example", attempts=2) as vendor,
        pytest.raises(RejectedError, match=r"127\.0\.0\.1"),
    ):
        vendor.download(f"https://results.vendor.example:{port}/x", max_mb=1)
    assert connected == ["93.184.216.34"]
    assert server.asked == []


def test_an_address_that_does_not_answer_leaves_the_others_a_chance(server, monkeypatch):
    port = int(server.url.rpartition(":")[2])
    found = [(2, 1, 6, "", (address, port)) for address in ("::1", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with client(f"http://localhost:{port}", attempts=1) as vendor:
        assert vendor.get("/x").status == 200


def test_a_redirect_is_followed_thrice_and_checked_each_time(server):
    hop = answer(302, location="/again")
    with client(server.url, attempts=1) as vendor:
        server.script = [hop, hop, hop, answer(200, b"file")]
        assert vendor.download(f"{server.url}/x", max_mb=1) == b"file"
        server.script = [hop]
        with pytest.raises(RejectedError, match="more than 3 times"):
            vendor.download(f"{server.url}/x", max_mb=1)
        for where, reason in (("https://10.0.0.8/x", "not-public"), ("http://10.0.0.8/x", "not-https")):
            server.script = [answer(302, location=where)]
            with pytest.raises(RejectedError) as caught:
                vendor.download(f"{server.url}/x", max_mb=1)
            assert caught.value.reason == reason


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_file_that_has_expired_is_refused_and_is_no_question_of_the_key(server, status):
    server.script = [answer(status)]
    with client(server.url) as vendor, pytest.raises(RejectedError) as caught:
        vendor.download(f"{server.url}/x?signature=secret", max_mb=1)
    assert "secret" not in str(caught.value)
    assert "x-api-key" not in server.asked[0].headers
    assert len(server.asked) == 1


def test_a_file_is_asked_for_again_after_a_fault_that_may_pass(server):
    server.script = [answer(503), TRUNCATED, answer(200, b"\x89PNG")]
    with client(server.url) as vendor:
        assert vendor.download(f"{server.url}/x", max_mb=1) == b"\x89PNG"


# --- the key


def test_the_key_is_read_at_each_use(server, monkeypatch):
    with client(server.url) as vendor:
        vendor.get("/x")
        monkeypatch.setenv("LIKENESS_TEST_KEY", "another\n")
        vendor.get("/x")
    assert [asked.headers["x-api-key"] for asked in server.asked] == [KEY, "another"]


@pytest.mark.parametrize("value", ["", "   ", "two words", "line\nbreak", "line\r\nx-evil: 1", "schlüssel"])
def test_a_key_that_cannot_be_one_names_the_variable_and_not_the_value(server, monkeypatch, value):
    monkeypatch.setenv("LIKENESS_TEST_KEY", value)
    with client(server.url) as vendor, pytest.raises(AuthError) as caught:
        vendor.get("/x")
    assert "LIKENESS_TEST_KEY" in caught.value.message
    assert not value.strip() or value not in shown(caught.value)
    assert server.asked == []


def shown(error: BaseException) -> str:
    """Messages, attributes and locals of an error, its causes and contexts, as a crash reporter would show them."""
    told: list[str] = []
    todo, seen = [error], set[int]()
    while todo:
        found = todo.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        told += [repr(found), str(found), repr(vars(found))]
        trace: TracebackType | None = found.__traceback__
        while trace is not None:
            # This file knows the key; everybody else must not.
            if trace.tb_frame.f_code.co_filename != __file__:
                for value in trace.tb_frame.f_locals.values():
                    told += [repr(value), repr(getattr(value, "__dict__", ""))]
            trace = trace.tb_next
        todo += [one for one in (found.__cause__, found.__context__) if one is not None]
    return "\n".join(told)


ECHOED = answer(400, f"bad key {KEY}, again {KEY}".encode())
ECHOED_OFTEN = answer(500, KEY.encode() * 200)
ECHOED_BADLY = answer(200, KEY.encode())
ECHOED_AS_STATUS = raw(f"{KEY} {KEY}\r\n\r\n".encode())


@pytest.mark.parametrize(
    "act",
    [
        *LOST.values(),
        *DRIPS_OF.values(),
        answer(403),
        answer(429),
        ECHOED,
        ECHOED_OFTEN,
        ECHOED_BADLY,
        ECHOED_AS_STATUS,
    ],
)
def test_no_error_and_no_log_shows_the_key_not_even_in_locals(server, caplog, act):
    caplog.set_level(logging.DEBUG)
    server.script = [act]
    with client(server.url, connect_s=0.5, write_s=0.5, read_s=0.2, attempts=1) as vendor:
        for ask in (vendor.get, lambda path: vendor.post(path, {}, safe=False)):
            with pytest.raises(LikenessError) as caught:
                ask("/x")
            everything = shown(caught.value) + repr(vendor) + repr(vars(vendor))
            assert "Vendor" in everything
            assert "planted" not in everything
    assert server.asked[0].headers["x-api-key"] == KEY
    assert "planted" not in caplog.text


@pytest.mark.parametrize("crash", [KeyboardInterrupt, RuntimeError])
def test_not_even_an_error_nobody_expects_shows_the_key(server, monkeypatch, crash):
    def broken(*_: object, **__: object) -> None:
        raise crash

    with client(server.url) as vendor:
        vendor.get("/x")
        monkeypatch.setattr("likeness.http.sockets._Stream.write", broken)
        with pytest.raises(crash) as caught:
            vendor.get("/x")
    assert "planted" not in shown(caught.value)
