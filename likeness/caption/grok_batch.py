"""Captions bought from xAI in batches: for sets that may take hours, at a lower price.

A run opens one batch and adds each image to it as its thread comes to it; all look at the same results. The tickets
are kept like any other (likeness/purchases/buy.py), so a run that ends is gone on with days later.
Source: docs.x.ai (Batch API) and what public clients saw of it, read 2026-11: there is no status field, and every result
is a chat completion, also of a Responses request. docs/providers.md names what is not known.
"""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, ClassVar, cast

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as settings

from likeness.caption import Captioner, Described
from likeness.caption.grok import Captions, GrokCaptioner, question, translate
from likeness.caption.openai import message_text
from likeness.caption.vision_chat import count, delivery, described, mapping, usd_of
from likeness.errors import InDoubtError, JobLostError, RejectedError
from likeness.http import Auth, Client
from likeness.images import RGB
from likeness.pipeline.manifest import FaceEntry
from likeness.purchases.buy import Buyer, Delivery, Job, Purchase, Ticket
from likeness.purchases.prices import Prices
from likeness.store.items import Json, sha256_pixels
from likeness.vendors.remote import RemoteJobs

PAGE = 1000
"""Results a page, the most the API gives."""


@settings(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class GrokBatchCaptioner(GrokCaptioner, RemoteJobs):
    """As GrokCaptioner, whose captions it shares; the jobs are batches."""

    # The same name and identity: the same question to the same model, however it is sent.
    name: ClassVar[str] = "grok"

    def usd_max(self, prices: Prices) -> float:
        """The most one caption can cost."""
        return usd_of(
            prices, "xai", f"{self.model} batch",
            input_tokens=self.max_input_tokens, output_tokens=self.max_output_tokens,
        )  # fmt: skip

    @contextmanager
    def opened(self, buyer: Buyer) -> Generator[Captioner, None, None]:
        """Ready to buy; connects at the first purchase."""
        auth = Auth(header="Authorization", scheme="Bearer ", env=self.api_key_env)
        with Client(
            "xAI", self.base_url, auth=auth, limits=self.limits, stop=buyer.stop, translate=translate
        ) as client:
            yield _Batched(self, client, buyer)


class _Batched:
    def __init__(self, settings: GrokBatchCaptioner, client: Client, buyer: Buyer) -> None:
        self._settings, self._client, self._buyer = settings, client, buyer
        self._alone = Captions(settings, client, buyer)
        self._lock = threading.Lock()
        self._batch, self._added = "", set[str]()
        self._seen: dict[str, tuple[float, dict[str, dict[str, Json]]]] = {}

    def describe(self, rgb: RGB, *, face: FaceEntry | None, swapped: bool, item: str = "") -> Described:
        """The model's sentence; whether the face was swapped makes no difference to it."""
        key = self._settings.purchase_key(sha256_pixels(rgb))
        bought = self._buyer.buy(
            Purchase(
                what="xai batch caption",
                item=item,
                key=key,
                usd_max=self._settings.usd_max(self._buyer.spending.prices),
                ready=self._alone.check_model,
                order=lambda: self._add(rgb, key),
                job=Job(
                    collect=self._collect, poll_s=self._settings.poll_s, limit_s=self._settings.job_limit_s
                ),
            )
        )
        return described(bought, "Grok")

    def _add(self, rgb: RGB, key: str) -> Ticket:
        """Adding a request again under the same id adds nothing, so it is safe to repeat; one whose result got lost
        needs another batch."""
        with self._lock:
            if not self._batch or key in self._added:
                self._added.clear()
                made = mapping(self._client.post("/batches", {"name": "likeness captions"}, safe=True).json())
                self._batch = str(made.get("batch_id") or "")
            self._added.add(key)
            batch = self._batch
        if not batch:
            raise RejectedError("xAI made a batch without an id", reason="bad-answer")
        request = {"batch_request_id": key, "batch_request": {"responses": question(self._settings, rgb)}}
        self._client.post(f"/batches/{batch}/requests", {"batch_requests": [request]}, safe=True)
        return {"batch": batch, "request": key}

    def _collect(self, ticket: Ticket) -> Delivery | None:
        found = self._results(str(ticket["batch"])).get(str(ticket["request"]))
        if found is None:
            return None
        answer = mapping(mapping(found.get("response")).get("chat_get_completion"))
        if not answer:
            raise JobLostError(f"xAI's batch gave no caption: {found.get('error')}", reason="job-failed")
        usage = mapping(answer.get("usage"))
        usd = usd_of(
            self._buyer.spending.prices, "xai", f"{self._settings.model} batch",
            input_tokens=count(usage, "prompt_tokens"), output_tokens=count(usage, "completion_tokens"),
        )  # fmt: skip
        try:
            return delivery(message_text(answer), usd=usd, usage=usage, who="Grok")
        except InDoubtError as error:
            lost = error.message
        raise JobLostError(lost, reason="bad-answer")

    def _results(self, batch: str) -> dict[str, dict[str, Json]]:
        """What the batch has finished, by request; asked for once a poll by whichever thread comes first."""
        with self._lock:
            at, known = self._seen.get(batch, (0.0, {}))
            if time.monotonic() - at < self._settings.poll_s and at:
                return known
            found = self._pages(batch)
            self._seen[batch] = (time.monotonic(), found)
            return found

    def _pages(self, batch: str) -> dict[str, dict[str, Json]]:
        found: dict[str, dict[str, Json]] = {}
        token = ""
        while True:
            path = f"/batches/{batch}/results?limit={PAGE}" + (f"&pagination_token={token}" if token else "")
            try:
                page = mapping(self._client.get(path).json())
            except RejectedError as error:
                lost = error.message
                break
            results = cast("list[dict[str, Any]]", page.get("results") or [])
            found |= {str(one.get("batch_request_id")): mapping(one.get("batch_result")) for one in results}
            token = str(page.get("pagination_token") or "")
            if not token or not results:
                return found
        raise JobLostError(f"xAI's batch is gone: {lost}", reason="job-vanished")
