"""The HTTP layer against a server of this file's own on loopback: what is tried again, in doubt, bounded, hidden."""

import socket
import time
import zlib
from base64 import b64decode

import pytest
from http_vendor import DRIP_S, DRIPS, DRIPS_OF, FINE, LOST, answer, client

from likeness.errors import (
    AuthError,
    ConfigError,
    InDoubtError,
    LikenessError,
    QuotaError,
    RejectedError,
    TransientError,
    UnreachableError,
)
from likeness.http.responses import Response

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
    with client(url) as vendor, pytest.raises(UnreachableError) as caught:
        vendor.post("/buy", {}, safe=False)
    assert caught.value.reason == "no-connection"


def test_who_answered_before_is_tried_again_with_the_next_item(server):
    server.script = [answer(200, connection="close")]
    with client(server.url) as vendor:
        vendor.get("/x")
        server.close()
        with pytest.raises(TransientError) as caught:
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
        client(server.url, connect_s=0.1, write_s=0.1, read_s=0.1, attempts=1) as vendor,
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
