# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# botocore ships no types.
"""What an object store refuses, in words with a remedy: the one place where its error codes are read.

botocore has a class for a few codes only (NoSuchBucket) and raises one ClientError for the rest; hence the table.
Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (2026-11); R2, B2 and MinIO use the same.
"""

from typing import Any, NamedTuple, cast

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

KEYS_REMEDY = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, in the environment; keys never go into conf/ "
    "(docs/s3.md)"
)
ENDPOINT_REMEDY = "check s3.endpoint_url in conf/ or AWS_ENDPOINT_URL, and the network"
# A store's answer to a list has an error code; only what stands between may answer without one, when it is busy.
GATEWAY_STATUS = (429, 502, 503, 504)
# A vendor's own words are quoted up to here.
WORDS_MAX = 300


class Problem(NamedTuple):
    """One kind of refusal: our error, what it means, and the codes or statuses that say it."""

    kind: type[ConfigError | AuthError | TransientError | RejectedError]
    reason: str
    words: str
    remedy: str
    codes: frozenset[str]


def _problem(kind: Any, reason: str, words: str, remedy: str, codes: str = "") -> Problem:
    return Problem(kind, reason, words, remedy, frozenset(codes.split()))


# In this order: a code before the status that several share.
ANSWERED = (
    _problem(AuthError, "s3-wrong-secret", ": the secret key does not belong to the access key", KEYS_REMEDY,
             "SignatureDoesNotMatch"),
    _problem(AuthError, "s3-wrong-key", ": the access key is unknown or no longer valid", KEYS_REMEDY,
             "InvalidAccessKeyId InvalidToken ExpiredToken TokenRefreshRequired UnrecognizedClientException "
             "MissingAuthenticationToken MissingSecurityHeader InvalidSecurity AccountProblem"),
    _problem(ConfigError, "s3-clock", ": this machine's clock is wrong", "set the clock (NTP)",
             "RequestTimeTooSkewed RequestExpired"),
    _problem(ConfigError, "s3-wrong-region", ": the bucket is in another region",
             "set s3.region in conf/ or AWS_REGION to the bucket's region (R2: auto)",
             "AuthorizationHeaderMalformed IllegalLocationConstraintException InvalidRegionName 301 307"),
    _problem(ConfigError, "s3-no-bucket", ": there is no such bucket",
             f"create the bucket or correct the URL; {ENDPOINT_REMEDY}", "NoSuchBucket InvalidBucketName 404"),
    _problem(AuthError, "s3-no-permission", ": these keys may not do that",
             "allow s3:ListBucket on the bucket and s3:GetObject, s3:PutObject on its objects (the policy in "
             "docs/s3.md), and check the bucket's name: some vendors answer the same for a bucket of another account",
             "AccessDenied AllAccessDisabled UnauthorizedAccess 401 403"),
    _problem(ConfigError, "s3-checksums", ": this store does not know AWS's new checksums",
             "set AWS_REQUEST_CHECKSUM_CALCULATION=when_required and AWS_RESPONSE_CHECKSUM_VALIDATION=when_required"),
    _problem(TransientError, "s3-busy", "", "run it again later: what is finished is kept",
             "SlowDown ServiceUnavailable InternalError RequestTimeout OperationAborted 429"),
    _problem(RejectedError, "s3-rejected", "", "read docs/s3.md for what this vendor does not take"),
)  # fmt: skip
BY_REASON = {problem.reason: problem for problem in ANSWERED}

# What botocore raises where no answer came, in this order: a class before its base.
UNANSWERED: tuple[tuple[tuple[type[BaseException], ...], Problem], ...] = (
    ((NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, SSOError),
     _problem(AuthError, "s3-no-keys", "there are no keys for it", KEYS_REMEDY)),
    ((ProfileNotFound,), _problem(ConfigError, "s3-profile", "", "correct s3.profile in conf/ or AWS_PROFILE")),
    ((ParamValidationError, InvalidConfigError),
     _problem(ConfigError, "s3-settings", "", "correct the URL or the s3 section in conf/")),
    ((ResponseParserError,), _problem(ConfigError, "s3-not-s3", "what answers does not speak S3", ENDPOINT_REMEDY)),
    ((ConnectionError, HTTPClientError, TimeoutError),
     _problem(TransientError, "s3-unreachable", "{doing} got no answer", ENDPOINT_REMEDY)),
    ((BotoCoreError, ValueError), _problem(ConfigError, "s3-settings", "", "correct the s3 section in conf/")),
    ((BaseException,), _problem(TransientError, "store-failed", "{doing} failed",
                                "check that the place exists, is reachable and may be written")),
)  # fmt: skip


def translate_fault(error: BaseException, url: str, doing: str) -> LikenessError:
    """The error of ours that says what happened while `doing` something ("writing") at `url`."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ClientError | BotoCoreError):
        cause = cause.__cause__
    if isinstance(cause, ClientError):
        return _answered(cast(Any, cause).response, url, doing)
    raised = cause or error
    problem = next(problem for kinds, problem in UNANSWERED if isinstance(raised, kinds))
    said = (
        _plain(str(raised))
        if problem.reason != "store-failed"
        else f"{type(raised).__name__}: {_plain(str(raised))}"
    )
    words = problem.words.format(doing=doing)
    return problem.kind(
        f"{url}: {words} ({said})" if words else f"{url}: {said}",
        reason=problem.reason,
        remedy=problem.remedy,
    )


def _answered(response: dict[str, Any], url: str, doing: str) -> LikenessError:
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    said = _plain(str(response.get("Error", {}).get("Message", "")))
    what = f"{url}: {doing} was refused ({code or status}: {said})"
    if doing == "listing" and not code.isalpha() and status not in GATEWAY_STATUS:
        return ConfigError(
            f"{what}: what answers does not speak S3", reason="s3-not-s3", remedy=ENDPOINT_REMEDY
        )
    problem = _refusal(code, status, said)
    return problem.kind(f"{what}{problem.words}", reason=problem.reason, remedy=problem.remedy)


def _refusal(code: str, status: int, said: str) -> Problem:
    if "checksum" in said.lower() and status in (400, 501):
        return BY_REASON["s3-checksums"]
    for known in (code, str(status) if status != 404 else ""):  # a 404 may be a file's: its code says whose
        if found := next((problem for problem in ANSWERED if known in problem.codes), None):
            return found
    return BY_REASON["s3-busy" if status >= 500 else "s3-rejected"]


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)[:WORDS_MAX]
