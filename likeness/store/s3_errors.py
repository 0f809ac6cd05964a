# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# botocore ships no types.
"""What an object store refuses, in words with a remedy: the one place where its error codes are read.

botocore has a class for a few codes only and one ClientError for the rest, so they are told apart here.
Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (2026-11); R2, B2 and MinIO use the same.
"""

from typing import Any, cast

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from likeness.errors import AuthError, ConfigError, LikenessError, RejectedError, TransientError, on_terminal

KEYS_REMEDY = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, in the environment; keys never go into conf/ "
    "(docs/s3.md)"
)
ENDPOINT_REMEDY = "check s3.endpoint_url in conf/ or AWS_ENDPOINT_URL, and the network"
POLICY_REMEDY = (
    "allow s3:ListBucket on the bucket and s3:GetObject, s3:PutObject on its objects (the policy in docs/s3.md), and "
    "check the bucket's name: some vendors answer the same for a bucket of another account"
)
Kind = type[AuthError] | type[ConfigError]
WRONG_KEY = (AuthError, "s3-wrong-key", "the access key is unknown or no longer valid", KEYS_REMEDY)
CLOCK = (ConfigError, "s3-clock", "this machine's clock is wrong", "set the clock (NTP)")
NO_BUCKET = (
    ConfigError, "s3-no-bucket", "there is no such bucket", f"create the bucket or correct the URL; {ENDPOINT_REMEDY}"
)  # fmt: skip
WRONG_REGION = (
    ConfigError, "s3-wrong-region", "the bucket is in another region",
    "set s3.region in conf/ or AWS_REGION to the bucket's region (R2: auto)",
)  # fmt: skip
NO_PERMISSION = (AuthError, "s3-no-permission", "these keys may not do that", POLICY_REMEDY)
# The error, its reason, what is wrong and the remedy. Of keys that are unknown or have ended some vendors say so with 400: there the
# status does not tell.
CODES: dict[str, tuple[Kind, str, str, str]] = {
    "SignatureDoesNotMatch": (
        AuthError, "s3-wrong-secret", "the secret key does not belong to the access key", KEYS_REMEDY
    ),
    **dict.fromkeys(("RequestTimeTooSkewed", "RequestExpired"), CLOCK),
    **dict.fromkeys(("NoSuchBucket", "InvalidBucketName", "404"), NO_BUCKET),
    **dict.fromkeys((
        "InvalidAccessKeyId", "InvalidToken", "ExpiredToken", "TokenRefreshRequired", "AccountProblem",
        "UnrecognizedClientException", "MissingAuthenticationToken", "MissingSecurityHeader", "InvalidSecurity",
    ), WRONG_KEY),
    **dict.fromkeys(
        ("AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "InvalidRegionName"), WRONG_REGION
    ),
    "AccessDenied": NO_PERMISSION,
}  # fmt: skip
STATUSES = {301: WRONG_REGION, 307: WRONG_REGION, 401: NO_PERMISSION, 403: NO_PERMISSION}
# The same of what no store answered; the first row that fits counts.
NO_ANSWER: tuple[tuple[Any, type[LikenessError], str, str, str], ...] = (
    (
        (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError, boto.SSOError),
        AuthError, "s3-no-keys", "there are no keys for it ({said})", KEYS_REMEDY,
    ),
    (boto.ProfileNotFound, ConfigError, "s3-profile", "{said}", "correct s3.profile in conf/ or AWS_PROFILE"),
    (
        (boto.ParamValidationError, boto.InvalidConfigError),
        ConfigError, "s3-settings", "{said}", "correct the URL or the s3 section in conf/",
    ),
    (ResponseParserError, ConfigError, "s3-not-s3", "what answers does not speak S3 ({said})", ENDPOINT_REMEDY),
    (
        (boto.ConnectionError, boto.HTTPClientError, TimeoutError),
        TransientError, "s3-unreachable", "{doing} got no answer ({said})", ENDPOINT_REMEDY,
    ),
    ((boto.BotoCoreError, ValueError), ConfigError, "s3-settings", "{said}", "correct the s3 section in conf/"),
    (
        BaseException, TransientError, "store-failed", "{doing} failed ({name}: {said})",
        "check that the place exists, is reachable and may be written",
    ),
)  # fmt: skip
BUSY = ("RequestTimeout", "OperationAborted")
# A store's answer to a list has an error code; only what stands between may answer without one, when it is busy.
GATEWAY_STATUS = (429, 502, 503, 504)
# A vendor's own words are quoted up to here.
WORDS_MAX = 300


def translate_fault(error: BaseException, url: str, doing: str) -> LikenessError:
    """The error of ours that says what happened while `doing` something ("writing") at `url`."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, boto.ClientError | boto.BotoCoreError):
        cause = cause.__cause__
    if isinstance(cause, boto.ClientError):
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
    if known := CODES.get(code) or STATUSES.get(status):
        kind, reason, words, remedy = known
        return kind(f"{what}: {words}", reason=reason, remedy=remedy)
    if status == 429 or status >= 500 or code in BUSY:
        return TransientError(what, reason="s3-busy", remedy="run it again later: what is finished is kept")
    remedy = "read docs/s3.md for what this vendor does not take"
    return RejectedError(what, reason="s3-rejected", remedy=remedy)


def _unanswered(error: BaseException, url: str, doing: str) -> LikenessError:
    said, name = _plain(str(error)), type(error).__name__
    _, kind, reason, words, remedy = next(row for row in NO_ANSWER if isinstance(error, row[0]))
    return kind(f"{url}: {words.format(said=said, doing=doing, name=name)}", reason=reason, remedy=remedy)


def _plain(text: str) -> str:
    return on_terminal(text[:WORDS_MAX])
