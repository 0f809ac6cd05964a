"""The HTTP layer against a real server on loopback: what is retried, what is in doubt, what is bounded, what is hidden."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from types import TracebackType

import pytest
from standins.server import Standins

from likeness.errors import AuthError, InDoubtError, LikenessError, QuotaError, RejectedError, TransientError
from likeness.http import Auth, Client, Limits, Reply, sockets
from likeness.http.answers import clean, retry_after_s
from likeness.http.gate import Gate
from likeness.till import STOP

KEY = "planted-key-Zq81"
QUICK = {
    "in_flight": 8, "requests_per_minute": None, "tokens_per_minute": None, "connect_s": 2, "write_s": 2, "read_s": 1,
    "attempts": 3, "backoff_s": 0.01, "backoff_max_s": 0.02, "max_response_mb": 1,
}  # fmt: skip
MODELS = "/language-models"
SAFE_FAULTS = (
    "rate_limit", "server_error", "drop_before", "drop_after", "truncated", "malformed", "wrong_type", "giant",
)  # fmt: skip
# Whatever was done before the answer got lost may have been billed.
DOUBTFUL = ("drop_after", "truncated", "malformed", "wrong_type", "giant")


@pytest.fixture(scope="module")
def services() -> Iterator[Standins]:
    with Standins(keys={"xai": KEY}) as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(services: Standins, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    services.set_faults({})
    services.reset()
    monkeypatch.setenv("XAI_API_KEY", KEY)
    yield
    STOP.clear()


def xai(services: Standins, translate=None, **changes) -> Client:
    auth = Auth(header="Authorization", scheme="Bearer ", env="XAI_API_KEY")
    return Client(
        "xAI", services.xai_url, auth=auth, limits=Limits(**{**QUICK, **changes}), translate=translate
    )


def echo(services: Standins, **changes) -> Client:
    return Client("echo", services.url, auth=None, limits=Limits(**{**QUICK, **changes}))


def maxstudio() -> Client:
    return Client("MaxStudio", "https://api.example.org", auth=None, limits=Limits(**QUICK))


@pytest.mark.parametrize("fault", SAFE_FAULTS)
def test_a_question_is_asked_again_after_a_fault_that_may_pass(services, fault):
    services.set_faults({"xai.models": [fault, None]})
    with xai(services) as client:
        assert "models" in client.get(MODELS).json()
    assert services.counts()["xai.models"] == 2


def test_a_slow_drip_ends_in_time(services):
    services.set_faults({"xai.models": [{"fault": "drip", "every_s": 0.1}]})
    started = time.monotonic()
    with xai(services, read_s=0.5, attempts=1) as client, pytest.raises(TransientError, match="ReadTimeout"):
        client.get(MODELS)
    assert time.monotonic() - started < 5


def test_headers_that_drip_end_in_time_too():
    """httpx's read timeout starts anew at every byte."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            peer, _ = server.accept()
            with peer, contextlib.suppress(OSError):
                peer.recv(65536)
                peer.sendall(b"HTTP/1.1 200 OK\r\nx: ")
                while not ended.wait(0.05):
                    peer.sendall(b"y")

        threading.Thread(target=drip, daemon=True).start()
        limits = Limits(**QUICK | {"read_s": 0.3, "connect_s": 0.1, "write_s": 0.1, "attempts": 1})
        started = time.monotonic()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with Client("slow", url, auth=None, limits=limits) as client, pytest.raises(TransientError):
            client.get("/")
        ended.set()
    assert time.monotonic() - started < 3


def test_an_endless_body_ends_at_its_bound(services):
    services.set_faults({"xai.models": ["giant"]})
    with xai(services, attempts=1) as client, pytest.raises(TransientError, match="longer than 1 MB"):
        client.get(MODELS)


@pytest.mark.parametrize("fault", DOUBTFUL)
def test_a_purchase_whose_answer_is_lost_is_in_doubt_and_not_repeated(services, fault):
    services.set_faults({"echo.post": [fault]})
    with echo(services) as client, pytest.raises(InDoubtError, match="may have been carried out"):
        client.post("/echo", {"a": 1}, safe=False)
    assert services.counts()["echo.post"] == 1


@pytest.mark.parametrize("fault", ["rate_limit", "server_error"])
def test_a_purchase_that_was_surely_not_carried_out_is_tried_again(services, fault):
    services.set_faults({"echo.post": [fault, None]})
    with echo(services) as client:
        assert client.post("/echo", {"a": 1}, safe=False).json() == {"a": 1}
    assert services.counts()["echo.post"] == 2


def test_a_purchase_that_reached_nobody_is_no_doubt():
    client = Client("nobody", "http://127.0.0.1:9", auth=None, limits=Limits(**QUICK))
    with client, pytest.raises(TransientError) as caught:
        client.post("/", {}, safe=False)
    assert caught.value.reason == "no-connection"
    assert not isinstance(caught.value, InDoubtError)


def test_a_gateway_that_gave_up_leaves_a_purchase_in_doubt(services):
    services.set_faults({"echo.post": [{"fault": "server_error", "status": 504}]})
    with echo(services) as client, pytest.raises(InDoubtError):
        client.post("/echo", {}, safe=False)


def test_it_gives_up_after_so_many_tries_and_says_what_the_last_one_said(services):
    services.set_faults({"xai.models": {"server_error": 1.0}})
    with xai(services) as client, pytest.raises(TransientError) as caught:
        client.get(MODELS)
    assert services.counts()["xai.models"] == QUICK["attempts"]
    assert caught.value.reason == "server-error"
    assert "xAI: GET /language-models answered 500" in caught.value.message


def test_retry_after_is_kept_to(services):
    services.set_faults({"xai.models": [{"fault": "rate_limit_after", "s": 1}, None]})
    started = time.monotonic()
    with xai(services) as client:
        client.get(MODELS)
    assert time.monotonic() - started >= 0.9


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("2", 2, 2),
        ("-5", 0, 0),
        ("soon", 0, 0),
        ("nan", 0, 0),
        ("99999", 300, 300),
        (formatdate(time.time() + 60), 50, 61),
    ],
)
def test_retry_after_in_every_form(value, least, most):
    reply = Reply(429, {"retry-after": value}, b"")
    assert least <= retry_after_s(reply) <= most


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, AuthError),
        (403, AuthError),
        (402, QuotaError),
        (404, RejectedError),
        (422, RejectedError),
        (302, RejectedError),
    ],
)
def test_a_refusal_is_told_at_once_in_our_words(services, status, kind):
    services.set_faults({"xai.models": [{"fault": "server_error", "status": status}]})
    with xai(services) as client, pytest.raises(kind):
        client.get(MODELS)
    assert services.counts()["xai.models"] == 1


def test_a_vendors_own_mapping_comes_first(services):
    services.set_faults({"xai.models": ["server_error"]})

    def translate(reply: Reply) -> LikenessError | None:
        return QuotaError("empty") if reply.status == 500 else None

    with xai(services, translate) as client, pytest.raises(QuotaError, match="empty"):
        client.get(MODELS)


@pytest.mark.parametrize("value", ["", "   ", "two words", "line\nbreak", "schlüssel"])
def test_a_key_that_is_missing_or_no_key_names_the_variable_and_not_the_value(services, monkeypatch, value):
    monkeypatch.setenv("XAI_API_KEY", value)
    with xai(services) as client, pytest.raises(AuthError) as caught:
        client.get(MODELS)
    assert "XAI_API_KEY" in caught.value.message
    assert services.counts() == {}
    if value.strip():
        assert value not in str(caught.value)


def everything_in(error: BaseException | None) -> Iterator[str]:
    """Messages, attributes and locals of an error, its causes and contexts, as a crash reporter would show them."""
    while error is not None:
        yield repr(error) + str(error) + repr(vars(error))
        trace: TracebackType | None = error.__traceback__
        while trace is not None:
            if (
                "likeness" in trace.tb_frame.f_code.co_filename
                and "/tests/" not in trace.tb_frame.f_code.co_filename
            ):
                for value in trace.tb_frame.f_locals.values():
                    yield repr(value) + repr(getattr(value, "__dict__", ""))
            elif "site-packages" in trace.tb_frame.f_code.co_filename:
                yield from map(repr, trace.tb_frame.f_locals.values())
            trace = trace.tb_next
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("fault", ["drop_after", "malformed", "server_error", "drip", "forbidden"])
def test_no_error_shows_the_key_not_even_with_its_locals(services, fault):
    services.set_faults({"xai.models": {fault: 1.0}})
    with xai(services, read_s=0.3) as client:
        with pytest.raises(LikenessError) as caught:
            client.get(MODELS)
        shown = "".join(everything_in(caught.value)) + repr(client) + repr(vars(client))
    assert "xAI" in shown
    assert KEY not in shown


def test_a_key_that_the_vendor_repeats_is_blotted_out():
    assert clean(f"Incorrect API key: {KEY}\n\x07!".encode(), KEY) == "Incorrect API key: ***  !"


def test_connections_are_used_again_and_all_go_through_the_guarded_sockets(services, monkeypatch):
    opened = []
    connect = sockets.Sockets.connect_tcp

    def counted(self, *args, **kwargs):
        opened.append(1)
        return connect(self, *args, **kwargs)

    monkeypatch.setattr(sockets.Sockets, "connect_tcp", counted)
    with echo(services, in_flight=4) as client, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: client.post("/echo", {"n": n}, safe=True), range(40)))
    assert 1 <= len(opened) <= 4
    assert services.most_in_flight()["echo"] <= 4


def test_no_more_are_under_way_than_allowed(services):
    services.set_faults({"echo.post": {"latency": {"share": 1, "s": 0.05}}})
    with echo(services, in_flight=3) as client, ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda n: client.post("/echo", {"n": n}, safe=True), range(24)))
    assert services.most_in_flight()["echo"] == 3


def test_a_429_halves_what_may_be_under_way_and_success_brings_it_back():
    gate = Gate(8, None, None)
    gate.too_many(0)
    gate.too_many(0)  # the same burst
    assert gate.allowed == 4
    for _ in range(40):
        gate.went_well()
    assert gate.allowed == 8


@pytest.mark.parametrize(("limits", "tokens"), [((None, 600), 1), ((600, None), 0)])
def test_requests_and_tokens_a_minute_are_spaced(limits, tokens):
    requests, of_tokens = limits
    gate = Gate(8, requests, of_tokens)
    started = time.monotonic()
    for _ in range(4):
        with gate.one(tokens):
            pass
    assert time.monotonic() - started >= 0.3


def test_a_stopped_run_waits_for_no_retry(services):
    services.set_faults({"xai.models": {"server_error": 1.0}})
    threading.Timer(0.2, STOP.set).start()
    started = time.monotonic()
    with (
        xai(services, attempts=20, backoff_s=60, backoff_max_s=60) as client,
        pytest.raises(TransientError) as caught,
    ):
        client.get(MODELS)
    assert caught.value.reason == "stopped"
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.org/x.png", "not-https"),
        ("ftp://example.org/x.png", "not-https"),
        ("file:///etc/passwd", "bad-url"),
        ("https://user:word@example.org/x.png", "bad-url"),
        ("https://example.org:0/x.png", "bad-url"),
        ("https://127.0.0.1/x.png", "not-public"),
        ("https://10.0.0.8/x.png", "not-public"),
        ("https://169.254.169.254/latest/meta-data", "not-public"),
        ("https://[::1]/x.png", "not-public"),
        ("https://localhost/x.png", "not-public"),
    ],
)
def test_a_result_is_fetched_from_public_https_only(url, reason):
    with maxstudio() as client, pytest.raises(RejectedError) as caught:
        client.download(url, max_mb=1)
    assert caught.value.reason == reason


def test_a_result_on_this_machine_is_fetched_only_when_the_api_is_there_too(services):
    with echo(services) as client:
        assert client.download(f"{services.url}/echo", max_mb=1) == b"{}"
    with maxstudio() as client, pytest.raises(RejectedError, match="only https"):
        client.download(f"{services.url}/echo", max_mb=1)


def test_a_result_that_is_gone_is_refused_and_never_sent_the_key(services):
    with xai(services) as client, pytest.raises(RejectedError, match="404"):
        client.download(f"{services.url}/files/nothing", max_mb=1)
    assert all(not entry["key_sent"] for entry in services.log() if entry["endpoint"].startswith("files"))


def test_a_name_that_resolves_elsewhere_is_not_connected_to(monkeypatch):
    monkeypatch.setattr(sockets.socket, "getaddrinfo", lambda *a, **k: [(2, 1, 6, "", ("192.168.1.7", 443))])
    with maxstudio() as client, pytest.raises(RejectedError, match=r"192\.168\.1\.7"):
        client.download("https://results.example.org/x.png", max_mb=1)


def test_nothing_is_opened_before_the_first_request(services):
    assert os.environ["XAI_API_KEY"] == KEY
    assert xai(services)._wires == {}
