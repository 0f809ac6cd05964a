# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# fsspec and botocore ship no types.
"""Places outside this machine: S3 and what speaks it, or any other fsspec URL (file://, memory://).

Keys are never ours: botocore finds them (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, SSO, an instance's
role). Endpoint and region come from the section `s3`, else from AWS_ENDPOINT_URL[_S3], AWS_REGION,
AWS_DEFAULT_REGION or the profile.
"""

import mimetypes
import re
import threading
import uuid
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import fsspec
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from likeness.digests import sha256_bytes
from likeness.errors import ConfigError, TransientError
from likeness.store.s3_config import FROM_ENVIRONMENT, S3Config
from likeness.store.s3_errors import translate_fault

_T = TypeVar("_T")
PRESIGN_MAX_S = 7 * 24 * 3600  # SigV4's limit
PART_BYTES = 16 * 2**20  # files of two parts or more are sent in parts, so that memory holds parts only
PARTS_AT_ONCE = 4
KEYS_AT_ONCE = 1000  # of one DeleteObjects

FAULTS = (OSError, ValueError, BotoCoreError, ClientError, ResponseParserError)

PROBE = "likeness-access-check.txt"
PROBE_TEXT = b"likeness writes and reads this file to see that it may; it can be deleted.\n"
# `s3:/bucket`, `s3:bucket`: a folder of that name would be made here.
NO_SLASHES = re.compile(r"\w{2,}:(?!//)")
SHA256 = "sha256"  # name of the object metadata that says what is in a file


class Remote:
    """A folder by URL; nothing is opened before the first use. Safe for several threads. `quick`: for small files that somebody
    waits for; a store that is silent is given up within some 20 s.

    Every method raises our errors only: AuthError (keys), ConfigError (bucket, region, endpoint, settings),
    TransientError (no answer, busy), RejectedError.
    """

    def __init__(self, url: str, s3: S3Config = FROM_ENVIRONMENT, *, quick: bool = False) -> None:
        self.url, self._s3, self._quick = url.rstrip("/"), s3, quick
        parts = urlsplit(url)
        self._is_s3 = parts.scheme in ("s3", "s3a")
        if parts.query or "@" in parts.netloc or (self._is_s3 and not parts.netloc) or NO_SLASHES.match(url):
            shown = url.partition("?")[0].rpartition("@")[2]  # what stands before it, or after, may be a key
            raise ConfigError(
                f"{shown!r}: a place is a URL like s3://bucket/prefix, without keys and options",
                reason="s3-settings",
                remedy="correct it in conf/; keys come from the environment (docs/s3.md)",
            )
        self._lock = threading.Lock()
        self._opened: tuple[Any, str, Any] | None = None
        self._faults: tuple[type[Exception], ...] = FAULTS

    def check(self, *, write: bool, public: bool = False) -> None:
        """See that listing, and with `write` also writing and reading, is allowed, before anything depends on it; that nobody without
        keys reads what is written, unless it may be `public`.

        Raises:
            AuthError, ConfigError: as the class says; no answer at all is a ConfigError here.
        """
        try:
            self._check_bucket()
            if write:
                self.write(PROBE, PROBE_TEXT)
                if self.read(PROBE) != PROBE_TEXT:
                    raise ConfigError(
                        f"{self.url} does not give back what was written",
                        reason="s3-not-s3",
                        remedy="use a store that shows a file as soon as it is written",
                    )
                if not public and self._read_by_a_stranger(PROBE) == PROBE_TEXT:
                    raise ConfigError(
                        f"{self.url}: anybody reads what lies there, without keys",
                        reason="s3-public",
                        remedy="block public access to the bucket (docs/s3.md)",
                    )
        except TransientError as error:
            raise ConfigError(error.message, reason=error.reason, remedy=error.remedy) from error

    def read(self, name: str) -> bytes | None:
        """The bytes of a file, or None when it is not there."""
        filesystem, root, _ = self._open()
        return self._there("reading", lambda: cast(bytes, filesystem.cat_file(f"{root}/{name}")))

    def size(self, name: str) -> int | None:
        """Bytes of a file, or None when it is not there."""
        filesystem, root, _ = self._open()
        return self._there("looking", lambda: int(filesystem.info(f"{root}/{name}")["size"]))

    def sha256(self, name: str) -> str | None:
        """The digest of a file that `upload` put there (outside S3: of any file), or None."""
        filesystem, _, client = self._open()
        if client is None:
            data = self.read(name)
            return None if data is None else sha256_bytes(data)
        bucket, key = self._key(name)
        told = self._there("looking", lambda: filesystem.call_s3("head_object", Bucket=bucket, Key=key))
        return told and cast("str | None", told["Metadata"].get(SHA256))

    def write(self, name: str, data: bytes) -> None:
        """Put a small file there, whole or not at all."""
        filesystem, root, client = self._open()
        path = f"{root}/{name}"
        with self._faults_as_ours("writing"):
            if client is not None:
                filesystem.pipe_file(path, data, ContentType=content_type(name))
            else:  # elsewhere a file may be seen half written
                temporary = f"{path}.{uuid.uuid4().hex}"
                filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
                try:
                    filesystem.pipe_file(temporary, data)
                    filesystem.mv(temporary, path)
                except FAULTS:
                    with suppress(*FAULTS):  # half a file would take what little room there is
                        filesystem.rm_file(temporary)
                    raise

    def names(self, folder: str) -> list[str]:
        """All files below a folder, relative to the place."""
        filesystem, root, _ = self._open()
        place = f"{root}/{folder}" if folder else root
        found = self._there("listing", lambda: cast("list[str]", filesystem.find(place)))
        names = (path.removeprefix(root).lstrip("/") for path in found or ())
        return [name for name in names if name]  # an empty folder is told as a file without a name

    def delete(self, names: Sequence[str]) -> None:
        """Delete files; those that are not there are no error."""
        filesystem, root, client = self._open()
        with self._faults_as_ours("deleting"):
            if client is not None:
                for begin in range(0, len(names), KEYS_AT_ONCE):
                    self._delete_keys(filesystem, names[begin : begin + KEYS_AT_ONCE])
                return
            for name in names:
                with suppress(FileNotFoundError):
                    filesystem.rm_file(f"{root}/{name}")

    def _delete_keys(self, filesystem: Any, names: Sequence[str]) -> None:
        """S3 takes many at once, says nothing of those that are not there, and names in an answer 200 those that it did not delete."""
        keys = [{"Key": self._key(name)[1]} for name in names]
        said = filesystem.call_s3(
            "delete_objects", Bucket=self._key("")[0], Delete={"Objects": keys, "Quiet": True}
        )
        if refused := cast("list[dict[str, Any]]", said.get("Errors")):
            answer: Any = {"Error": refused[0], "ResponseMetadata": {"HTTPStatusCode": 500}}
            raise ClientError(answer, "DeleteObjects")

    def upload(self, name: str, path: Path, sha256: str) -> None:
        """Put a file there with its content type and its digest as metadata; large ones go in parts."""
        filesystem, root, client = self._open()
        if client is None:
            return self.write(name, path.read_bytes())
        with self._faults_as_ours("writing"):
            filesystem.put_file(
                str(path),
                f"{root}/{name}",
                chunksize=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
                ContentType=content_type(name),
                Metadata={SHA256: sha256},
            )

    def presign(self, name: str, expires_s: float) -> str:
        """A URL that lets whoever has it read the file for `expires_s`: SigV4; on AWS regional and virtual-hosted
        (`https://bucket.s3.REGION.amazonaws.com/...`), elsewhere path-style. It is as secret as the file.

        Temporary keys (SSO, roles) end earlier, and the URL with them.
        """
        _, _, client = self._open()
        if client is None:
            raise ConfigError(
                f"{self.url} cannot hand out a URL that a provider can fetch",
                reason="s3-needed",
                remedy="give a place on S3: s3://bucket/prefix",
            )
        if not 1 <= expires_s <= PRESIGN_MAX_S:
            raise ConfigError(
                f"a URL can live for 1 to {PRESIGN_MAX_S} s, not {expires_s:g} s",
                reason="s3-expiry",
                remedy="correct it in conf/",
            )
        bucket, key = self._key(name)
        with self._faults_as_ours("signing"):
            return client.generate_presigned_url(
                "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=int(expires_s)
            )

    def _open(self) -> tuple[Any, str, Any]:
        """(file system, path of the folder in it, botocore client when it is S3)."""
        with self._lock:
            if self._opened is None and self._is_s3:
                # Here, because botocore's clients take 0.1 s to import and most stages never leave the machine.
                from likeness.store.s3_client import STREAM_FAULTS, open_s3

                self._faults = (*FAULTS, *STREAM_FAULTS)
                self._opened = open_s3(self.url, self._s3, quick=self._quick)
            elif self._opened is None:
                with self._faults_as_ours("opening"):
                    filesystem, root = cast("tuple[Any, str]", fsspec.url_to_fs(self.url))
                    self._opened = (filesystem, root, None)
            return self._opened

    def _key(self, name: str) -> tuple[str, str]:
        bucket, _, prefix = self._open()[1].partition("/")
        return bucket, f"{prefix}/{name}".lstrip("/")

    def _check_bucket(self) -> None:
        client = self._open()[2]
        if client is None:
            return
        bucket, prefix = self._key("")
        with self._faults_as_ours("listing"):
            # A list, not a head: only an answer with a body says what is wrong.
            client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
            told = client.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
        found, region = told.get("x-amz-bucket-region"), client.meta.region_name
        # botocore follows a bucket into its region, a presigned URL does not. Stores that have no regions name none.
        if found and found != region:
            raise ConfigError(
                f"{self.url}: the bucket is in {found}, the region here is {region}",
                reason="s3-wrong-region",
                remedy=f"set s3.region in conf/ or AWS_REGION to {found}",
            )

    def _read_by_a_stranger(self, name: str) -> bytes | None:
        from likeness.store.s3_client import as_a_stranger

        return as_a_stranger(client, *self._key(name)) if (client := self._open()[2]) else None

    def _there(self, doing: str, look: Callable[[], _T]) -> _T | None:
        """What a look gives; None where the file is not there. A missing bucket is a mistake, and S3 names it so."""
        with self._faults_as_ours(doing):
            try:
                return look()
            except FileNotFoundError as error:
                cause = error.__cause__
                if (
                    isinstance(cause, ClientError)
                    and cast(Any, cause).response["Error"]["Code"] == "NoSuchBucket"
                ):
                    raise
                return None

    @contextmanager
    def _faults_as_ours(self, doing: str) -> Generator[None]:
        try:
            yield
        except self._faults as error:
            problem = translate_fault(error, self.url, doing)
            if problem.reason == "s3-no-permission" and doing != "listing":
                self._check_bucket()  # an answer to HEAD has no body: a list tells a wrong secret from a missing right
            raise problem from error


def content_type(name: str) -> str:
    """What a browser is told a file is."""
    kind = "text/markdown" if name.endswith(".md") else mimetypes.guess_type(name)[0]
    kind = kind or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
