"""A place on the real S3 server."""

import pytest

from fakes.s3 import S3Server
from likeness.store.s3 import Remote


@pytest.fixture
def place(s3: S3Server) -> Remote:
    return Remote(f"s3://{s3.new_bucket()}/team/items")
