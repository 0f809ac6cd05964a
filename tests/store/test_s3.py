"""Files on S3 against a real server that checks signatures; AWS's own addresses are only made, never called."""

import os
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.compat import get_current_datetime
from pydantic import ValidationError

from fakes.s3 import REGION, S3Server
from likeness.digests import sha256_bytes
from likeness.errors import ConfigError
from likeness.store.presigned import PresignedUploads
from likeness.store.s3 import PART_BYTES, Remote
from likeness.store.s3_config import S3Config


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


def test_a_lent_url_opens_without_keys_and_only_for_its_time(place: Remote, monkeypatch: pytest.MonkeyPatch):
    place.write("photo of jade.png", b"png")
    url = place.presign("photo of jade.png", 60)
    with monkeypatch.context() as earlier:
        before = get_current_datetime() - timedelta(seconds=60)
        earlier.setattr("botocore.auth.get_current_datetime", lambda: before)
        over, nearly = place.presign("photo of jade.png", 30), place.presign("photo of jade.png", 600)
    assert get(url) == (200, b"png", "image/png")
    assert get(url.replace("X-Amz-Expires=60", "X-Amz-Expires=1000"))[0] == 403
    assert get(url.partition("?")[0])[0] == 403
    assert [get(over)[0], get(nearly)[0]] == [403, 200]


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
