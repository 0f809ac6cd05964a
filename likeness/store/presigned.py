"""Files lent by URL to a provider that fetches its inputs."""

import threading

from likeness.digests import sha256_bytes
from likeness.store.s3 import PROBE, Remote
from likeness.store.s3_config import FROM_ENVIRONMENT, S3Config


class PresignedUploads:
    """Files lent to a provider that fetches its inputs by URL: each is uploaded once under its digest.

    They stay in the bucket; a lifecycle rule removes them (docs/s3.md).
    """

    def __init__(self, url: str, *, expire_s: float, s3: S3Config = FROM_ENVIRONMENT) -> None:
        self._remote, self._expire_s = Remote(url, s3), expire_s
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._there: set[str] = set()

    def check(self) -> None:
        """See Remote.check; one write, before anything is bought."""
        self._remote.presign(PROBE, self._expire_s)
        self._remote.check(write=True)

    def url_of(self, data: bytes, suffix: str) -> str:
        """A fresh presigned URL of `data`; `suffix` (".png") gives the content type.

        Raises:
            AuthError, ConfigError, TransientError, RejectedError: see Remote.
        """
        name = sha256_bytes(data) + suffix
        with self._lock:
            one_at_a_time = self._locks.setdefault(name, threading.Lock())
        with one_at_a_time:
            if name not in self._there:
                if self._remote.size(name) != len(data):
                    self._remote.write(name, data)
                self._there.add(name)
        return self._remote.presign(name, self._expire_s)
