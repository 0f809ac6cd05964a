"""Files on S3 against a real server that checks signatures; AWS's own addresses are only made, never called."""

import os
import threading
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from pydantic import ValidationError

from fakes.s3 import REGION, SECRET_KEY, S3Server
from likeness.digests import sha256_bytes
from likeness.errors import AuthError, ConfigError, RejectedError, TransientError
from likeness.store.presigned import PresignedUploads
from likeness.store.s3 import PART_BYTES, Remote
from likeness.store.s3_config import S3Config
from likeness.store.s3_errors import translate_fault


@pytest.fixture
def place(s3: S3Server) -> Remote:
    return Remote(f"s3://{s3.new_bucket()}/team/items")


def get(url: str) -> tuple[int, bytes, str]:
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, answer.read(), answer.headers["content-type"]
    except urllib.error.HTTPError as error:
        return error.code, b"", ""


def test_what_is_written_is_read_back_and_what_is_not_there_is_none(place: Remote):
    place.check(write=True)
    assert (place.read("a/b"), place.size("a/b"), place.sha256("a/b")) == (None, None, None)
    place.write("a/b", b"bytes")
    assert (place.read("a/b"), place.size("a/b")) == (b"bytes", 5)


@pytest.mark.parametrize("url", ["memory://likeness-test/folder", "file://{tmp}/folder"])
def test_any_other_fsspec_place_works_too(url: str, tmp_path: Path):
    place = Remote(url.format(tmp=tmp_path))
    place.check(write=True)
    assert place.read("a/b") is None
    place.write("a/b", b"bytes")
    assert (place.read("a/b"), place.size("a/b"), place.sha256("a/b")) == (
        b"bytes",
        5,
        sha256_bytes(b"bytes"),
    )


def test_a_file_larger_than_two_parts_arrives_whole_with_its_digest_and_type(
    place: Remote, s3: S3Server, tmp_path: Path
):
    data = os.urandom(1024) * (2 * PART_BYTES // 1024 + 7)
    (tmp_path / "big.zip").write_bytes(data)
    place.upload("jade/big.zip", tmp_path / "big.zip", sha256_bytes(data))
    assert s3.path(f"{place.url}/jade/big.zip").read_bytes() == data
    assert place.sha256("jade/big.zip") == sha256_bytes(data)
    assert get(place.presign("jade/big.zip", 60))[2] == "application/zip"


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
        threading.Thread(target=site.serve_forever, daemon=True).start()
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


def test_a_lent_url_opens_without_keys_and_only_for_its_time(place: Remote):
    place.write("photo of jade.png", b"png")
    url, short = place.presign("photo of jade.png", 60), place.presign("photo of jade.png", 1)
    assert get(url) == (200, b"png", "image/png")
    assert get(url.replace("X-Amz-Expires=60", "X-Amz-Expires=1000"))[0] == 403
    assert get(url.partition("?")[0])[0] == 403
    time.sleep(2.1)  # S3 counts whole seconds
    assert get(short)[0] == 403


def test_on_aws_a_lent_url_is_virtual_hosted_and_names_the_region(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    for region in (REGION, "us-east-1"):
        monkeypatch.setenv("AWS_REGION", region)
        assert (
            urlsplit(Remote("s3://team/in").presign("a.png", 60)).netloc == f"team.s3.{region}.amazonaws.com"
        )
    dotted = urlsplit(
        Remote("s3://team.photos/in").presign("a.png", 60)
    )  # no certificate covers it as a host name
    assert (dotted.netloc, dotted.path) == ("s3.us-east-1.amazonaws.com", "/team.photos/in/a.png")
    asked = S3Config(endpoint_url=None, region="eu-west-3", profile=None)
    assert (
        urlsplit(Remote("s3://team/in", asked).presign("a.png", 60)).netloc
        == "team.s3.eu-west-3.amazonaws.com"
    )
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(ConfigError, match="no region"):
        Remote("s3://team/in").presign("a.png", 60)


def test_the_configured_endpoint_wins_over_the_environment(s3: S3Server, monkeypatch: pytest.MonkeyPatch):
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    configured = S3Config(endpoint_url=endpoint, region=None, profile=None)
    Remote(f"s3://{s3.new_bucket()}/prefix", configured).check(write=True)


def test_compatible_stores_are_not_sent_the_checksums_that_some_refuse(
    place: Remote, monkeypatch: pytest.MonkeyPatch
):
    def settings() -> tuple[str, str]:
        config = Remote(place.url)._open()[0].s3.meta.config
        return config.request_checksum_calculation, config.response_checksum_validation

    assert settings() == ("when_required", "when_required")
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported")
    assert settings() == ("when_supported", "when_required")


def test_urls_and_settings_hold_no_keys():
    for url in (
        "s3://key:secret@bucket/prefix",
        "s3://bucket/prefix?secret=x",
        "s3:///prefix",
        "s3:/bucket/x",
    ):
        with pytest.raises(ConfigError):
            Remote(url)
    for endpoint in ("https://key:secret@host", "host:9000"):
        with pytest.raises(ValidationError):
            S3Config(endpoint_url=endpoint, region=None, profile=None)


def test_inputs_are_uploaded_once_and_lent(s3: S3Server):
    inputs = PresignedUploads(f"s3://{s3.new_bucket()}/inputs", expire_s=60)
    inputs.check()
    with ThreadPoolExecutor(8) as pool:
        urls = list(pool.map(lambda number: inputs.url_of(b"photo %d" % (number % 2), ".png"), range(16)))
    assert {get(url) for url in urls} == {(200, b"photo 0", "image/png"), (200, b"photo 1", "image/png")}

    folder = s3.path(inputs._remote.url)
    written = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.png")}
    assert written.keys() == {f"{sha256_bytes(data)}.png" for data in (b"photo 0", b"photo 1")}
    again = PresignedUploads(inputs._remote.url, expire_s=60)
    assert get(again.url_of(b"photo 0", ".png"))[1] == b"photo 0"
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("*.png")} == written


def test_inputs_need_a_place_that_can_lend(tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        PresignedUploads(f"file://{tmp_path}", expire_s=60).check()
    assert caught.value.reason == "s3-needed"


def test_no_url_can_outlive_a_signature(place: Remote):
    with pytest.raises(ConfigError, match="can live for"):
        place.presign("a", 700_000)
