"""How much is asked at a time: connections, the rates of requests and tokens, and whom a Retry-After makes wait."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from types import SimpleNamespace

import pytest
from http_vendor import FINE, Asked, answer, client

from likeness.errors import (
    TransientError,
)
from likeness.http.rate_limit import RateLimiter
from likeness.http.responses import Response


class Waits(threading.Event):
    """The stop of a run whose waits take no time: its clock goes on by as much, once `pass_on` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.pass_on = 0.0, threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        until = self.now + (timeout or 0.0)
        assert self.pass_on.wait(60)
        self.now = max(self.now, until)
        return False


@pytest.fixture
def waits(monkeypatch) -> Waits:
    made = Waits()
    monkeypatch.setattr("likeness.http.rate_limit.time", SimpleNamespace(monotonic=lambda: made.now))
    return made


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
def test_requests_and_tokens_a_minute_are_spaced(server, waits, limits, tokens):
    waits.pass_on.set()
    with client(server.url, stop=waits, **limits) as vendor, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: vendor.post("/x", n, safe=True, tokens=tokens), range(5)))
    assert waits.now == pytest.approx(0.4)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_makes_everybody_wait_also_who_has_a_turn(server, waits, monkeypatch, status):
    times: list[float] = []

    def fine(sock: socket.socket, asked: Asked) -> None:
        times.append(waits.now)
        FINE(sock, asked)

    pause = RateLimiter.pause

    def refused(limiter: RateLimiter, seconds: float) -> None:
        pause(limiter, seconds)
        waits.pass_on.set()

    monkeypatch.setattr(RateLimiter, "pause", refused)
    server.script = [answer(status, retry_after="2"), fine]
    with (
        client(server.url, stop=waits, in_flight=4, requests_per_minute=60) as vendor,
        ThreadPoolExecutor(4) as pool,
    ):
        list(pool.map(lambda n: vendor.post("/x", n, safe=True), range(3)))
    # The second's turn is 1 s after the first's: it is not taken before the two seconds are over.
    assert len(times) == 3
    assert min(times) >= 2


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
