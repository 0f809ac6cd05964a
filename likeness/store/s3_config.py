"""Where the object store answers, and what is published where: settings only, light to import."""

from typing import Final
from urllib.parse import urlsplit

from pydantic import field_validator

from likeness.settings import Section


class S3Config(Section):
    """Section `s3`: where the object store answers; null is what the environment or the AWS profile says."""

    endpoint_url: str | None
    region: str | None
    profile: str | None

    @field_validator("endpoint_url")
    @classmethod
    def _has_no_keys(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "https://none")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("is a URL like https://ACCOUNT.r2.cloudflarestorage.com")
        if parts.username or parts.password:
            raise ValueError("must not hold keys: they come from the environment")
        return value


FROM_ENVIRONMENT: Final = S3Config(endpoint_url=None, region=None, profile=None)


class PublishConfig(Section):
    """Section `publish`: the place of finished datasets and weights (s3://bucket/prefix); null publishes nothing."""

    url: str | None
