"""What an object store refuses, and what is told of it."""

import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.exceptions import ClientError

from fakes.s3 import SECRET_KEY, S3Server
from likeness.errors import AuthError, ConfigError, RejectedError, TransientError
from likeness.store.s3 import Remote
from likeness.store.s3_errors import translate_fault

WRONG = {
    "wrong secret": (
        {"AWS_SECRET_ACCESS_KEY": "not-the-secret"},
        AuthError,
        "s3-wrong-secret",
        "AWS_SECRET_ACCESS_KEY",
    ),
    "unknown key": ({"AWS_ACCESS_KEY_ID": "AKIANOBODY"}, AuthError, "s3-wrong-key", "AWS_ACCESS_KEY_ID"),
    "no keys": (
        {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
        AuthError,
        "s3-no-keys",
        "AWS_PROFILE",
    ),
    "nobody there": (
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
        ConfigError,
        "s3-unreachable",
        "AWS_ENDPOINT_URL",
    ),
    "no such profile": ({"AWS_PROFILE": "nobody"}, ConfigError, "s3-profile", "AWS_PROFILE"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_setting_is_one_clear_error_that_holds_no_secret(
    case: str, place: Remote, monkeypatch: pytest.MonkeyPatch
):
    changes, kind, reason, remedy = WRONG[case]
    for name, value in changes.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    with pytest.raises(kind) as caught:
        Remote(place.url).check(write=True)
    assert caught.value.reason == reason
    assert remedy in caught.value.remedy
    error = caught.value.with_traceback(
        caught.value.__traceback__.tb_next
    )  # this test's frame names what it planted
    told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert SECRET_KEY not in told
    assert "not-the-secret" not in told


def test_a_bucket_that_does_not_exist_is_not_an_absent_file(s3: S3Server):
    for use in (
        lambda p: p.check(write=False),
        lambda p: p.read("a"),
        lambda p: p.size("a"),
        lambda p: p.write("a", b""),
    ):
        with pytest.raises(ConfigError) as caught:
            use(Remote("s3://nobodys-bucket/prefix"))
        assert caught.value.reason == "s3-no-bucket"


def test_an_answer_that_breaks_off_is_a_passing_fault(place: Remote, s3: S3Server):
    place.write("a", b"1234567890")
    s3.path(f"{place.url}/a").write_bytes(b"12345")  # the server has promised ten bytes
    with pytest.raises(TransientError, match="reading failed"):
        place.read("a")


def test_a_wrong_secret_is_told_as_such_by_every_use(place: Remote, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    for use in (
        lambda p: p.read("a"),
        lambda p: p.size("a"),
        lambda p: p.sha256("a"),
        lambda p: p.write("a", b""),
    ):
        with pytest.raises(AuthError) as caught:
            use(Remote(place.url))
        assert caught.value.reason == "s3-wrong-secret"


@pytest.mark.parametrize(
    ("code", "status", "message", "kind", "reason"),
    [
        ("AccessDenied", 403, "Access Denied", AuthError, "s3-no-permission"),
        ("ExpiredToken", 400, "The provided token has expired.", AuthError, "s3-wrong-key"),
        (
            "PermanentRedirect",
            301,
            "must be addressed using the specified endpoint",
            ConfigError,
            "s3-wrong-region",
        ),
        ("AuthorizationHeaderMalformed", 400, "the region 'x' is wrong", ConfigError, "s3-wrong-region"),
        ("RequestTimeTooSkewed", 403, "The difference is too large", ConfigError, "s3-clock"),
        (
            "InvalidArgument",
            400,
            "Unsupported header 'x-amz-sdk-checksum-algorithm'",
            ConfigError,
            "s3-checksums",
        ),
        ("SlowDown", 503, "Please reduce your request rate", TransientError, "s3-busy"),
        ("EntityTooLarge", 400, "too large", RejectedError, "s3-rejected"),
    ],
)
def test_what_vendors_answer_is_told_in_our_words(
    code: str, status: int, message: str, kind: type, reason: str
):
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    told = translate_fault(ClientError(answer, "PutObject"), "s3://bucket/prefix", "writing")
    assert (type(told), told.reason) == (kind, reason)
    assert message in told.message
    assert told.remedy


LISTING = b"<ListBucketResult><Name>bucket</Name><KeyCount>0</KeyCount></ListBucketResult>"


@pytest.fixture
def answering(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, tuple[int, bytes, dict[str, str]]]]:
    """A store that gives the answers put in here, {method: (status, body, headers)}, whatever it is asked."""
    answers: dict[str, tuple[int, bytes, dict[str, str]]] = {
        "HEAD": (200, b"", {}),
        "GET": (200, LISTING, {}),
    }

    class Store(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # uploads wait for its "100 Continue"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            status, body, headers = answers[self.command]
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_HEAD = answer

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Store) as site:
        threading.Thread(target=site.serve_forever, args=(0.005,), daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{site.server_port}")
        yield answers
        site.shutdown()


def test_a_web_server_that_is_no_s3_is_told(answering):
    answering["GET"] = (200, b"<html>", {})
    with pytest.raises(ConfigError) as caught:
        Remote("s3://bucket/prefix").check(write=True)
    assert caught.value.reason == "s3-not-s3"


def test_keys_that_may_only_read_are_told_before_they_are_needed(answering):
    answering["PUT"] = (
        403,
        b"<Error><Code>AccessDenied</Code><Message>no s3:PutObject</Message></Error>",
        {},
    )
    Remote("s3://bucket/prefix").check(write=False)
    with pytest.raises(AuthError) as caught:
        Remote("s3://bucket/prefix").check(write=True)
    assert caught.value.reason == "s3-no-permission"
    assert "s3:PutObject" in caught.value.remedy


def test_a_bucket_in_another_region_is_told_with_the_right_one(answering):
    answering["HEAD"] = (200, b"", {"x-amz-bucket-region": "us-west-2"})
    with pytest.raises(ConfigError) as caught:
        Remote("s3://bucket/prefix").check(write=False)
    assert caught.value.reason == "s3-wrong-region"
    assert "AWS_REGION to us-west-2" in caught.value.remedy
