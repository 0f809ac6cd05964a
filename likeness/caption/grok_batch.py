"""Captions from xAI in batches: cheaper, for sets that may take hours.

A run opens one batch and adds each image to it as its thread comes to it; all look at the same results. The orders
are kept like any other (likeness/purchases/buy.py), so a run that ends is gone on with days later.
Source: docs.x.ai (Batch API) and what public clients saw of it, read 2026-11: there is no status field, and every result
is a chat completion, also of a Responses request. docs/providers.md names what is not known.
"""

import time
from typing import Any, ClassVar, cast

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as settings

from likeness.caption import Captioner
from likeness.caption.grok import GrokCaptioner
from likeness.caption.openai import COMPLETION_TOKENS, completion_text
from likeness.caption.vision_answer import mapping
from likeness.caption.vision_chat import Captions
from likeness.digests import Json
from likeness.errors import InDoubtError, JobLostError, RejectedError
from likeness.http.client import Client
from likeness.images import RGB
from likeness.purchases.buy import Buyer, Delivery, Job, PendingOrder
from likeness.vendors.remote import RemoteJobs

PAGE = 1000
"""Results a page, the most the API gives."""


@settings(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class GrokBatchCaptioner(GrokCaptioner, RemoteJobs):
    """As GrokCaptioner, whose captions it shares; the jobs are batches."""

    # The same name and identity: the same question to the same model, however it is sent.
    name: ClassVar[str] = "grok"

    @property
    def price_name(self) -> str:
        """Batches have a price of their own."""
        return f"{self.model} batch"

    def at_work(self, client: Client, buyer: Buyer) -> Captioner:
        """The captioner of one run, which shares a batch."""
        return _Batched(self, client, buyer)


class _Batched(Captions):
    what = "batch caption"

    def __init__(self, settings: GrokBatchCaptioner, client: Client, buyer: Buyer) -> None:
        super().__init__(settings, client, buyer)
        self.job = Job(collect=self._collect, poll_s=settings.poll_s, limit_s=settings.job_limit_s)
        self._poll_s = settings.poll_s
        self._batch, self._added = "", set[str]()
        self._seen: dict[str, tuple[float, dict[str, dict[str, Json]]]] = {}

    def order(self, rgb: RGB, key: str) -> PendingOrder:
        """Add a picture to the batch. To add a request again under the same id adds nothing, so it is safe to repeat;
        one whose result got lost needs another batch."""
        with self.lock:
            if not self._batch or key in self._added:
                self._added.clear()
                made = mapping(self.client.post("/batches", {"name": "likeness captions"}, safe=True).json())
                self._batch = str(made.get("batch_id") or "")
            self._added.add(key)
            batch = self._batch
        if not batch:
            raise RejectedError("xAI made a batch without an id", reason="bad-answer")
        request = {"batch_request_id": key, "batch_request": {"responses": self.settings.body(rgb)}}
        self.client.post(f"/batches/{batch}/requests", {"batch_requests": [request]}, safe=True)
        return {"batch": batch, "request": key}

    def _collect(self, pending: PendingOrder) -> Delivery | None:
        found = self._results(str(pending["batch"])).get(str(pending["request"]))
        if found is None:
            return None
        answer = mapping(mapping(found.get("response")).get("chat_get_completion"))
        if not answer:
            raise JobLostError(f"xAI's batch gave no caption: {found.get('error')}", reason="job-failed")
        try:
            return self.delivery(answer, completion_text(answer), COMPLETION_TOKENS)
        except InDoubtError as error:
            raise JobLostError(error.message, reason="bad-answer") from None

    def _results(self, batch: str) -> dict[str, dict[str, Json]]:
        """What the batch has finished, by request; asked for once a poll by whichever thread comes first."""
        with self.lock:
            at, known = self._seen.get(batch, (0.0, {}))
            if not at or time.monotonic() - at >= self._poll_s:
                known = self._pages(batch)
                self._seen[batch] = (time.monotonic(), known)
            return known

    def _pages(self, batch: str) -> dict[str, dict[str, Json]]:
        found: dict[str, dict[str, Json]] = {}
        token = ""
        while True:
            path = f"/batches/{batch}/results?limit={PAGE}" + (f"&pagination_token={token}" if token else "")
            try:
                page = mapping(self.client.get(path).json())
            except RejectedError as error:
                raise JobLostError(f"xAI's batch is gone: {error.message}", reason="job-vanished") from None
            results = cast("list[dict[str, Any]]", page.get("results") or [])
            found |= {str(one.get("batch_request_id")): mapping(one.get("batch_result")) for one in results}
            token = str(page.get("pagination_token") or "")
            if not token or not results:
                return found
