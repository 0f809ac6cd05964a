"""MaxStudio's account: its errors in our words, its jobs, and a probe that detects a wrong key before money is spent.

Source: https://maxstudio.ai/docs and public clients, read 2026-11 (docs/providers.md names what is seen and what is
guessed). Unknown statuses mean "still running", unknown fields are ignored.
"""

import threading
from collections.abc import Callable
from typing import cast

from likeness.digests import Json
from likeness.errors import (
    AuthError,
    ConfigError,
    InDoubtError,
    InputError,
    JobLostError,
    LikenessError,
    RejectedError,
    TransientError,
    together,
)
from likeness.http.auth import Auth
from likeness.http.client import Client
from likeness.http.responses import Response
from likeness.http.service import Service
from likeness.images import open_image
from likeness.vendors.remote import RemoteJobs

NOBODYS_JOB = "likeness-probe"
"""A job that does not exist: with a good key the vendor says so, with a wrong one it answers 500."""


class MaxStudio(Service):
    """One account; safe to use from several threads. Nothing is sent before `ready` or a call."""

    def __init__(self, settings: RemoteJobs, api_key_env: str, stop: threading.Event) -> None:
        auth = Auth(header="x-api-key", scheme="", env=api_key_env)
        self._auth = auth
        self._client = Client(
            "MaxStudio", settings.base_url, auth=auth, limits=settings.limits, stop=stop, translate=_translate
        )
        self._lock, self._ready = threading.Lock(), False

    def ready(self, *, first: Callable[[], None] | None = None) -> None:
        """See once that the account can be used, by asking for a job that does not exist; `first` is called before.

        Raises:
            AuthError: there is no key, or it is wrong (the vendor answers 500 to a wrong one).
            AuthError, ConfigError: what `first` says, told with a missing key.
        """
        with self._lock:
            if self._ready:
                return
            problems: list[LikenessError] = []
            for check in (lambda: self._auth.check("MaxStudio"), first):
                try:
                    if check is not None:
                        check()
                except (AuthError, ConfigError) as error:
                    problems.append(error)
            if problems:
                raise together(*problems)
            try:
                self._client.get(f"/swap-image/{NOBODYS_JOB}")
            except RejectedError:
                pass  # an honest "no such job"
            except TransientError as error:
                if error.reason == "server-error":
                    raise AuthError(
                        f"MaxStudio answers 500 to a question that costs nothing, as it does to a wrong key: {error.message}",
                        remedy=f"check {self._auth.env}; if the key is right, the service is down: try again later",
                    ) from None
                raise
            self._ready = True

    def ask(self, path: str, body: Json) -> dict[str, Json]:
        """A question that is free to repeat."""
        return _mapping(self._client.post(path, body, safe=True))

    def order(self, path: str, body: Json) -> dict[str, Json]:
        """Order a job; returns its number."""
        answer = _mapping(self._client.post(path, body, safe=False))
        job = answer.get("jobId")
        if not isinstance(job, str) or not job:
            raise InDoubtError(f"MaxStudio took POST {path} and gave no jobId", reason="bad-answer")
        return {"job": job}

    def finished(self, path: str, pending: dict[str, Json]) -> Json | None:
        """The result of a job, or None while it runs.

        Raises:
            JobLostError: it failed, or MaxStudio knows nothing of it.
        """
        name = f"MaxStudio's job {path}/{pending['job']}"
        try:
            answer = _mapping(self._client.get(f"{path}/{pending['job']}"))
        except RejectedError as error:
            raise JobLostError(f"{name}: {error.message}", reason="job-vanished") from None
        status = str(answer.get("status", "")).lower()
        if status == "failed":
            raise JobLostError(
                f"{name} failed: {answer.get('error') or 'no reason given'}", reason="job-failed"
            )
        if status == "not-found":
            raise JobLostError(f"{name} is not found", reason="job-vanished")
        return answer.get("result") if status == "completed" else None

    def fetch(self, url: str, *, max_mb: float) -> bytes | None:
        """The file of a finished job, or None when what came is no picture (yet).

        Raises:
            JobLostError: the result has expired.
        """
        try:
            data = self._client.download(url, max_mb=max_mb)
        except RejectedError as error:
            raise JobLostError(
                f"MaxStudio's result is gone: {error.message}", reason="result-expired"
            ) from None
        return data if is_picture(data) else None


def is_picture(data: bytes) -> bool:
    """Whether the bytes are a whole picture of a known format and a sane size."""
    try:
        with open_image(data, name="the result") as image:
            image.load()
    except InputError:
        return False
    return True


def _translate(response: Response) -> LikenessError | None:
    if response.status == 307:
        return RejectedError(
            "MaxStudio answers 307: it does not follow an S3 address without a region",
            reason="not-regional",
            remedy="set AWS_REGION to the region of swap.provider.inputs_url's bucket",
        )
    return None


def _mapping(response: Response) -> dict[str, Json]:
    answer = response.json()
    if not isinstance(answer, dict):
        raise TransientError(
            f"MaxStudio answered {type(answer).__name__} instead of an object", reason="bad-answer"
        )
    return cast("dict[str, Json]", answer)
