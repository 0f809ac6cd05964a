"""likeness.http: files are fetched from public addresses, and no key is shown."""

import logging
import socket
from types import TracebackType

import pytest
from http_vendor import DRIPS_OF, KEY, LOST, TRUNCATED, answer, client, raw

from likeness.errors import (
    AuthError,
    LikenessError,
    RejectedError,
)


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
    with client(server.url, connect_s=0.2, write_s=0.2, read_s=0.1, attempts=1) as vendor:
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
