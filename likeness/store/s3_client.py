# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# fsspec and botocore ship no types.
"""Opening S3: the region, endpoint, address style and checksums that the vendor at the other end needs."""

import os
from typing import Any, Final, cast
from urllib.parse import urlsplit

import aiohttp
import botocore.loaders
import botocore.session
import fsspec
from aiobotocore.session import AioSession
from botocore import UNSIGNED
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from likeness.errors import ConfigError, together
from likeness.store.s3_config import S3Config
from likeness.store.s3_errors import translate_fault

# Compatible stores all answer to the bucket in the path; few also to the bucket as a host name.
PATH_STYLE: Final = "path"
# AWS answers 307 to a virtual-hosted URL without a region until a new bucket's name has spread.
REGIONAL_STYLE: Final = {"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}
DEFAULT_REGION: Final = "us-east-1"  # what compatible stores without regions expect in a signature
CONNECT_S, READ_S = 5.0, 20.0
ATTEMPTS = 3  # of a request, the first included; botocore's `standard` mode backs off with jitter
CHECK_ATTEMPTS = 2  # of the look at a place before it is used: nothing is lost by telling soon
BODY_ATTEMPTS = 2  # of a request whose answer broke off while it was read
QUICK_READ_S, QUICK_ATTEMPTS = 8.0, 2  # where somebody waits, or a lock is held
CONNECTIONS = 32
# What botocore knows of S3's API, 0.1 s to read: once a process.
DESCRIPTIONS: Final = botocore.loaders.create_loader()
# What aiobotocore lets through when an answer breaks off while it is read.
STREAM_FAULTS: Final = (aiohttp.ClientError,)


def is_aws(endpoint_url: str) -> bool:
    """Whether Amazon itself answers there."""
    host = urlsplit(endpoint_url).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))


def open_s3(url: str, s3: S3Config, *, quick: bool = False) -> tuple[Any, str, Any]:
    """(fsspec file system, bucket/prefix in it, botocore client); asks nobody but a key's own issuer. `quick` gives up sooner.

    Raises:
        ConfigError, AuthError: the settings or the profile are wrong, or there is no region.
    """
    try:
        session, in_background = (
            _session(kind, s3.profile) for kind in (botocore.session.Session, AioSession)
        )
        # AWS_REGION is what AWS's other SDKs and its own machines set; botocore reads AWS_DEFAULT_REGION only.
        region = s3.region or os.environ.get("AWS_REGION") or session.get_config_variable("region")
        where = {"endpoint_url": s3.endpoint_url, "region_name": region or DEFAULT_REGION}
        endpoint = session.create_client("s3", **where).meta.endpoint_url  # the environment may name one too
        if is_aws(endpoint) and region is None:
            no_region = ConfigError(
                f"{url}: no region is set",
                reason="s3-wrong-region",
                remedy="set s3.region in conf/ or AWS_REGION to the bucket's region",
            )
            if session.get_credentials() is None:
                raise together(no_region, translate_fault(NoCredentialsError(), url, "opening"))
            raise no_region
        settings = _client_settings(session, endpoint)
        if quick:
            settings |= {"read_timeout": QUICK_READ_S, "retries": _retries(QUICK_ATTEMPTS)}
        impatient = {**settings, "retries": _retries(CHECK_ATTEMPTS)}
        client = session.create_client("s3", config=ClientConfig(**impatient), **where)
        filesystem, root = cast(
            "tuple[Any, str]",
            fsspec.url_to_fs(
                url,
                session=in_background,
                anon=False,
                config_kwargs=settings,
                client_kwargs=where,
                use_listings_cache=False,
                skip_instance_cache=True,
                max_concurrency=1,  # else every read asks for the size first
            ),
        )
        filesystem.retries = 1 if quick else BODY_ATTEMPTS
        filesystem.connect()
        return filesystem, root.rstrip("/"), client
    except (BotoCoreError, ValueError) as error:
        raise translate_fault(error, url, "opening") from error


def as_a_stranger(client: Any, bucket: str, key: str) -> bytes | None:
    """What whoever has no keys gets of an object; None where the store refuses, or does not answer."""
    session = _session(botocore.session.Session, None)
    unsigned = client.meta.config.merge(ClientConfig(signature_version=UNSIGNED))
    where = {"endpoint_url": client.meta.endpoint_url, "region_name": client.meta.region_name}
    try:
        answer = session.create_client("s3", config=unsigned, **where).get_object(Bucket=bucket, Key=key)
        return cast(bytes, answer["Body"].read())
    except (BotoCoreError, ClientError, OSError):
        return None


def _session(kind: Any, profile: str | None) -> Any:
    session = kind(profile=profile)
    session.register_component("data_loader", DESCRIPTIONS)
    return session


def _retries(attempts: int) -> dict[str, Any]:
    return {"mode": "standard", "total_max_attempts": attempts}


def _client_settings(session: Any, endpoint: str) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "signature_version": "s3v4",
        "retries": _retries(ATTEMPTS),
        "connect_timeout": CONNECT_S,
        "read_timeout": READ_S,
        "max_pool_connections": CONNECTIONS,
        "s3": REGIONAL_STYLE,
    }
    if not is_aws(endpoint):
        chosen = (session.get_scoped_config().get("s3") or {}).get("addressing_style", PATH_STYLE)
        settings["s3"] = {"addressing_style": chosen}
        # Since botocore 1.36 every upload carries a CRC that some stores refuse (B2: Unsupported header
        # 'x-amz-sdk-checksum-algorithm', https://github.com/home-assistant/core/issues/143995).
        for name in ("request_checksum_calculation", "response_checksum_validation"):
            if not _is_chosen(session, name):
                settings[name] = "when_required"
    return settings


def _is_chosen(session: Any, name: str) -> bool:
    """Whether the environment or the AWS profile sets it: botocore's own default does not count."""
    return f"AWS_{name.upper()}" in os.environ or name in session.get_scoped_config()
