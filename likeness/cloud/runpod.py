"""RunPod's own prices and bills, from its API v2 (REST v1 ends on 2026-12-01), beside the engine's word.

https://api.runpod.io/v2: GET /catalog/gpus, /pods and /billing/pods, DELETE /pods/{id}. Unknown fields are ignored, and an unknown
status bills: only what RunPod calls ended has ended.
"""

import datetime
import math
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import quote

from likeness.cloud import Machine, RunPodConfig
from likeness.cloud.engine import Offer
from likeness.errors import JobLostError, RejectedError, TransientError
from likeness.formatting import format_usd
from likeness.http.auth import Auth
from likeness.http.client import Client
from likeness.http.service import Service

T = TypeVar("T")
LOOKS, POLL_S = 10, 6.0
PAGED = re.compile(r"(?i)next|cursor|more")
MAX_PAGES = 100
CATALOG = "/catalog/gpus?include=AVAILABILITY&product=POD"


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A machine at RunPod: its name there, its status in RunPod's words, and what an hour of it costs."""

    id: str
    name: str
    status: str
    usd_per_hour: float

    @property
    def bills(self) -> bool:
        """Whether it may cost money now; a stopped one still bills its disk, at a price that is not told here."""
        return self.status != "TERMINATED"

    @property
    def words(self) -> str:
        """For a person."""
        return f"{self.id} ({self.name}, {self.status.lower()}) at {format_usd(self.usd_per_hour)} an hour"


class RunPod(Service):
    """One account; use as a context manager. `poll_s` is how long between two looks whether a pod is gone."""

    def __init__(self, config: RunPodConfig, *, stop: threading.Event, poll_s: float = POLL_S) -> None:
        auth = Auth(header="authorization", scheme="Bearer ", env=config.api_key_env)
        self._client = Client("RunPod", config.base_url, auth=auth, limits=config.limits, stop=stop)
        self._stop, self._poll_s = stop, poll_s

    def pods(self) -> list[Pod]:
        """All machines of the account that are not gone.

        Raises:
            AuthError, TransientError: RunPod cannot be asked, or its answer does not read: nobody knows what bills then.
        """
        return [one for one in self._list("pods", "/pods", "pods", _pod) if one.bills]

    def bills(self, since: datetime.date, today: datetime.date) -> dict[str, float]:
        """What each machine cost since that day, disk included, in dollars by `Pod.id`; the newest hours may lack.

        GET /billing/pods (docs.runpod.io/api-reference-v2/billing, read 2026-11-30): a record for each pod and bucket, with
        podId, startTime, endTime, totalAmount and its parts. A pod's id is given once, so wide buckets add nothing of others.
        The times go together and lie on a bucket's bounds; where months are refused, days are asked for, which is its default.

        Raises:
            AuthError, RejectedError, TransientError: RunPod cannot be asked, or its answer does not read.
        """
        end = (today.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)
        window = f"startTime={since.replace(day=1)}T00:00:00Z&endTime={end}T00:00:00Z"
        try:
            listed = self._list("bills", f"/billing/pods?bucketSize=month&{window}", "records", _bill)
        except RejectedError:
            listed = self._list("bills", f"/billing/pods?bucketSize=day&{window}", "records", _bill)
        found: dict[str, float] = {}
        for pod, usd in listed:
            found[pod] = found.get(pod, 0.0) + usd
        return found

    def _list(self, what: str, path: str, key: str, read: Callable[[Any], T]) -> list[T]:
        """All pages: `pagination` says whether another one follows, and by which cursor it is asked for."""
        found: list[T] = []
        cursors = [""]
        while len(cursors) <= MAX_PAGES:
            at = f"{'&' if '?' in path else '?'}cursor={quote(cursors[-1], safe='')}" if cursors[-1] else ""
            answer: Any = self._client.get(path + at).json()
            listed, more = answer, dict[str, Any]()
            if isinstance(answer, dict):
                said = cast("dict[str, Any]", answer)
                listed, page = said.get(key), said.get("pagination")
                told = {**said, **cast("dict[str, Any]", page)} if isinstance(page, dict) else said
                more = {name: value for name, value in told.items() if PAGED.search(name) and value}
                if told.get("hasNextPage") is False:
                    more = {}
            try:
                found += [read(one) for one in cast("list[Any]", listed)]
            except (TypeError, KeyError, AttributeError, ValueError):
                raise TransientError(f"RunPod's list of {what} cannot be read", reason="bad-answer") from None
            if not more:
                return found
            cursor = more.get("nextCursor")
            if not isinstance(cursor, str) or cursor in cursors:
                break
            cursors.append(cursor)
        raise TransientError(f"RunPod's list of {what} goes on, and cannot be followed", reason="bad-answer")

    def offers(
        self, machines: Sequence[Machine], today: datetime.date
    ) -> tuple[dict[str, list[Offer]], list[str]]:
        """Today's prices of the secure cloud by `Machine.words`, and which of them have no stock."""
        answer: Any = self._client.get(CATALOG).json()
        try:
            listed = [
                (str(one["id"]), float(one["price"].get("secure") or 0.0), str(one.get("availability")))
                for one in answer["gpus"]
            ]
        except (TypeError, KeyError, AttributeError, ValueError):
            raise TransientError("RunPod's catalogue cannot be read", reason="bad-answer") from None
        offers: dict[str, list[Offer]] = {}
        none: list[str] = []
        for machine in machines:
            for gpu, usd, stock in listed if machine.vendor == "runpod" else ():
                if not usd or not machine.is_card(gpu):
                    continue
                offers.setdefault(machine.words, []).append(
                    Offer(region="secure", usd=usd, date=today, source="RunPod")
                )
                if stock.upper() == "NONE":
                    none.append(machine.words)
        return offers, none

    def terminate(self, pod: str) -> None:
        """End a machine for good, and see that it is gone.

        Raises:
            JobLostError, RejectedError: RunPod says that it is done, or refuses, and the machine is still there.
        """
        refused: RejectedError | None = None
        try:
            self._client.delete(f"/pods/{pod}")
        except RejectedError as error:
            refused = error  # 404: it is gone already, and the list may be older
        for _ in range(LOOKS):
            if all(one.id != pod for one in self.pods()):
                return
            self._stop.wait(self._poll_s)
        raise refused or _still_there(pod)

    def leave(self, pod: str) -> None:
        """End the machine that this runs on, with its own key, by which no list can be had: RunPod is asked until it knows the pod no
        more, or this program is gone with it.

        Raises:
            AuthError, TransientError: RunPod cannot be asked.
            JobLostError: it says that it is done, again and again.
        """
        for _ in range(LOOKS):
            try:
                self._client.delete(f"/pods/{pod}")
            except RejectedError:
                return
            self._stop.wait(self._poll_s)
        raise _still_there(pod)


def _still_there(pod: str) -> JobLostError:
    return JobLostError(
        f"RunPod took the order to end pod {pod}, and the pod is still there and bills",
        reason="still-there",
        remedy="end it by hand at https://console.runpod.io/pods, and look again with `likeness cloud status`",
    )


def _bill(values: Any) -> tuple[str, float]:
    usd = values["totalAmount"]
    if isinstance(usd, bool) or not isinstance(usd, int | float) or not math.isfinite(usd) or usd < 0:
        raise ValueError(usd)
    return str(values["podId"]), float(usd)


def _pod(values: Any) -> Pod:
    try:
        usd = float(values.get("cost") or 0.0)
    except (TypeError, ValueError):
        usd = 0.0
    words = {name: str(values[name]) for name in ("id", "name", "status")}
    return Pod(id=words["id"], name=words["name"], status=words["status"].upper(), usd_per_hour=usd)
