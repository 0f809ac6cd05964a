# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# botocore ships no types.
"""What an object store refuses, in words with a remedy: the one place where its error codes are read.

botocore has a class for a few codes only and one ClientError for the rest, so they are told apart here.
Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (2026-11); R2, B2 and MinIO use the same.
"""

from typing import Any, cast

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    InvalidConfigError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
)
from botocore.parsers import ResponseParserError

from likeness.errors import AuthError, ConfigError, LikenessError, RejectedError, TransientError
from likeness.formatting import on_terminal

KEYS_REMEDY = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, in the environment; keys never go into conf/ "
    "(docs/s3.md)"
)
ENDPOINT_REMEDY = "check s3.endpoint_url in conf/ or AWS_ENDPOINT_URL, and the network"
POLICY_REMEDY = (
    "allow s3:ListBucket on the bucket and s3:GetObject, s3:PutObject on its objects (the policy in docs/s3.md), and "
    "check the bucket's name: some vendors answer the same for a bucket of another account"
)
# Keys that are unknown or have ended: some vendors say so with 400, so the status does not tell.
WRONG_KEY = (
    *("InvalidAccessKeyId", "InvalidToken", "ExpiredToken", "TokenRefreshRequired", "AccountProblem"),
    *(
        "UnrecognizedClientException",
        "MissingAuthenticationToken",
        "MissingSecurityHeader",
        "InvalidSecurity",
    ),
)
WRONG_REGION = ("AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "InvalidRegionName")
BUSY = ("RequestTimeout", "OperationAborted")
# A store's answer to a list has an error code; only what stands between may answer without one, when it is busy.
GATEWAY_STATUS = (429, 502, 503, 504)
# A vendor's own words are quoted up to here.
WORDS_MAX = 300


def translate_fault(error: BaseException, url: str, doing: str) -> LikenessError:
    """The error of ours that says what happened while `doing` something ("writing") at `url`."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ClientError | BotoCoreError):
        cause = cause.__cause__
    if isinstance(cause, ClientError):
        return _answered(cast(Any, cause).response, url, doing)
    return _unanswered(cause or error, url, doing)


def _answered(response: dict[str, Any], url: str, doing: str) -> LikenessError:
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    said = _plain(str(response.get("Error", {}).get("Message", "")))
    what = f"{url}: {doing} was refused ({code or status}: {said})"
    if doing == "listing" and not code.isalpha() and status not in GATEWAY_STATUS:
        return ConfigError(
            f"{what}: what answers does not speak S3", reason="s3-not-s3", remedy=ENDPOINT_REMEDY
        )
    if "checksum" in said.lower() and status in (400, 501):
        names = ("AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_RESPONSE_CHECKSUM_VALIDATION")
        remedy = f"set {' and '.join(f'{name}=when_required' for name in names)}"
        words = "this store does not know AWS's new checksums"
        return ConfigError(f"{what}: {words}", reason="s3-checksums", remedy=remedy)
    match code:
        case "SignatureDoesNotMatch":
            words = "the secret key does not belong to the access key"
            return AuthError(f"{what}: {words}", reason="s3-wrong-secret", remedy=KEYS_REMEDY)
        case "RequestTimeTooSkewed" | "RequestExpired":
            words, remedy = "this machine's clock is wrong", "set the clock (NTP)"
            return ConfigError(f"{what}: {words}", reason="s3-clock", remedy=remedy)
        case "NoSuchBucket" | "InvalidBucketName" | "404":
            remedy = f"create the bucket or correct the URL; {ENDPOINT_REMEDY}"
            return ConfigError(f"{what}: there is no such bucket", reason="s3-no-bucket", remedy=remedy)
        case _:
            pass
    if code in WRONG_KEY:
        words = "the access key is unknown or no longer valid"
        return AuthError(f"{what}: {words}", reason="s3-wrong-key", remedy=KEYS_REMEDY)
    if code in WRONG_REGION or status in (301, 307):
        remedy = "set s3.region in conf/ or AWS_REGION to the bucket's region (R2: auto)"
        words = "the bucket is in another region"
        return ConfigError(f"{what}: {words}", reason="s3-wrong-region", remedy=remedy)
    if code == "AccessDenied" or status in (401, 403):
        words = "these keys may not do that"
        return AuthError(f"{what}: {words}", reason="s3-no-permission", remedy=POLICY_REMEDY)
    if status == 429 or status >= 500 or code in BUSY:
        return TransientError(what, reason="s3-busy", remedy="run it again later: what is finished is kept")
    remedy = "read docs/s3.md for what this vendor does not take"
    return RejectedError(what, reason="s3-rejected", remedy=remedy)


def _unanswered(error: BaseException, url: str, doing: str) -> LikenessError:
    said = _plain(str(error))
    if isinstance(error, NoCredentialsError | PartialCredentialsError | CredentialRetrievalError | SSOError):
        return AuthError(f"{url}: there are no keys for it ({said})", reason="s3-no-keys", remedy=KEYS_REMEDY)
    if isinstance(error, ProfileNotFound):
        return ConfigError(
            f"{url}: {said}", reason="s3-profile", remedy="correct s3.profile in conf/ or AWS_PROFILE"
        )
    if isinstance(error, ParamValidationError | InvalidConfigError):
        return ConfigError(
            f"{url}: {said}", reason="s3-settings", remedy="correct the URL or the s3 section in conf/"
        )
    if isinstance(error, ResponseParserError):
        return ConfigError(
            f"{url}: what answers does not speak S3 ({said})", reason="s3-not-s3", remedy=ENDPOINT_REMEDY
        )
    if isinstance(error, ConnectionError | HTTPClientError | TimeoutError):
        return TransientError(
            f"{url}: {doing} got no answer ({said})", reason="s3-unreachable", remedy=ENDPOINT_REMEDY
        )
    if isinstance(error, BotoCoreError | ValueError):
        return ConfigError(f"{url}: {said}", reason="s3-settings", remedy="correct the s3 section in conf/")
    return TransientError(
        f"{url}: {doing} failed ({type(error).__name__}: {said})", reason="store-failed",
        remedy="check that the place exists, is reachable and may be written",
    )  # fmt: skip


def _plain(text: str) -> str:
    return on_terminal(text[:WORDS_MAX])
