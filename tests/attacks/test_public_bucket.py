"""A bucket whose rules let anybody read: what is kept of people's faces is not put there; what is published may be."""

import pytest
from faulty_s3 import FaultyS3, faulty

from fakes.s3 import S3Server
from likeness.errors import ConfigError
from likeness.store.presigned import PresignedUploads
from likeness.store.remote import SharedItems
from likeness.store.s3 import Remote


@pytest.fixture
def bucket(s3: S3Server, monkeypatch: pytest.MonkeyPatch):
    """A bucket behind a proxy, which may let strangers read."""
    with faulty(s3.port) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield f"s3://{s3.new_bucket()}/place", proxy


def opened_to_all(proxy: FaultyS3) -> None:
    proxy.fault = lambda method, path: "public" if method == "GET" else None


DOORS = {
    "items.remote": lambda url, folder: SharedItems(url, folder).check(),
    "swap.provider.inputs_url": lambda url, folder: PresignedUploads(url, expire_s=60).check(),
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_faces_are_not_put_where_anybody_reads(bucket, tmp_path, door):
    url, proxy = bucket
    door(url, tmp_path)
    opened_to_all(proxy)
    with pytest.raises(ConfigError, match="anybody reads") as caught:
        door(url, tmp_path)
    assert caught.value.reason == "s3-public"


def test_a_publication_may_be_read_by_all(bucket):
    url, proxy = bucket
    opened_to_all(proxy)
    Remote(url).check(write=True, public=True)
