"""Many people at once: `python -m bench.gallery_load [SECONDS] [USERS]`.

USERS (50) have the page open for SECONDS (60): a stream of events each, and again and again a wish for one picture, and, once
the stream says that it is there, the requests that the page makes. Printed: how long the API took to answer, without the time in
the queue, as one process on the same machine sees it; what went wrong; the API's memory.
"""

import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import httpx
import psutil

from bench.gallery_site import Site

WORKER = ("-m", "bench.gallery_fake_worker")
REST_SECONDS = (4.0, 16.0)
"""Between two wishes of one person; one worker draws three pictures a second."""
WAIT_SECONDS = 120
IDLE_SECONDS = 2.0
"""A connection that rests for longer is not used again: the API closes it after five, and a request sent just then is lost."""
SAMPLE_SECONDS = 5.0
MIB = 2**20


class Person:
    """One person with the page open."""

    def __init__(
        self,
        browser: httpx.Client,
        version: str,
        taken: "defaultdict[str, list[float]]",
        errors: Counter[str],
    ) -> None:
        self._headers, self._url, self._version = browser.headers, str(browser.base_url), version
        self._taken, self._errors = taken, errors
        self._done: dict[str, float] = {}

    async def stay(self, until: float, luck: random.Random) -> None:
        async with httpx.AsyncClient(
            base_url=self._url,
            headers=self._headers,
            timeout=60,
            trust_env=False,
            limits=httpx.Limits(keepalive_expiry=IDLE_SECONDS),
        ) as client:
            listening = asyncio.create_task(self._listen(client))
            await asyncio.sleep(luck.uniform(0, REST_SECONDS[1]))
            while time.monotonic() < until:
                await self._one(client)
                await asyncio.sleep(luck.uniform(*REST_SECONDS))
            listening.cancel()

    async def _listen(self, client: httpx.AsyncClient) -> None:
        """As a browser does: each stream ends after some minutes, and the next one goes on after the last number it told."""
        last: dict[str, str] = {}
        while True:
            async with client.stream("GET", "/events", headers=last) as stream:
                async for line in stream.aiter_lines():
                    if line.startswith("id: "):
                        last = {"last-event-id": line[4:]}
                    elif line.startswith("data: "):
                        told = json.loads(line[6:])
                        if told["status"] == "done":
                            self._done.setdefault(told["id"], time.monotonic())

    async def _one(self, client: httpx.AsyncClient) -> None:
        wish = {"version_id": self._version, "prompt": "smiling", "count": 1}
        answer = await self._timed(client, "POST /generations", "POST", "/generations", json=wish)
        if answer.status_code != 202:
            return
        which, until = answer.json()["id"], time.monotonic() + WAIT_SECONDS
        while which not in self._done:
            if time.monotonic() > until:
                self._errors["not told within 120 s"] += 1
                return
            await asyncio.sleep(0.05)
        shown = (await self._timed(client, "GET /generations/ID", "GET", f"/generations/{which}")).json()
        await self._timed(client, "GET /pictures", "GET", "/pictures")
        await self._timed(client, "GET /people", "GET", "/people")
        for one in shown["pictures"]:
            await self._timed(client, "GET thumbnail", "GET", one["thumb_url"].removeprefix("/api"))
            await self._timed(client, "PUT favourite", "PUT", f"/pictures/{one['id']}/favourite")

    async def _timed(
        self, client: httpx.AsyncClient, name: str, method: str, path: str, **more: Any
    ) -> httpx.Response:
        begun = time.perf_counter()
        answer = await client.request(method, path, **more)
        self._taken[name].append(time.perf_counter() - begun)
        if answer.status_code >= 400:
            self._errors[f"{name} {answer.status_code}"] += 1
        return answer


async def memory(pid: int, until: float) -> list[float]:
    """The API's memory in MiB, every five seconds."""
    found: list[float] = []
    while time.monotonic() < until:
        found.append(round(psutil.Process(pid).memory_info().rss / MIB, 1))
        await asyncio.sleep(SAMPLE_SECONDS)
    return found


async def load(site: Site, people: list[Person], seconds: float) -> list[float]:
    until = time.monotonic() + seconds
    watching = asyncio.create_task(memory(site.api.pid, until))
    await asyncio.gather(*(one.stay(until, random.Random(number)) for number, one in enumerate(people)))
    return await watching


def by_minute(mib: list[float]) -> dict[int, float]:
    """The median of each minute's samples, by how many minutes had passed at its end."""
    a_minute = round(60 / SAMPLE_SECONDS)
    parts = (mib[begin : begin + a_minute] for begin in range(0, len(mib), a_minute))
    return {minute: statistics.median(part) for minute, part in enumerate(parts, 1)}


def percentile(values: list[float], share: float) -> float:
    """In milliseconds."""
    return round(1000 * sorted(values)[min(len(values) - 1, int(share * len(values)))], 1)


def main(seconds: int, users: int) -> None:
    taken: defaultdict[str, list[float]] = defaultdict(list)
    errors: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, Site(Path(folder), WORKER, s3=False) as site:
        people = [
            Person(site.user(f"user{number}"), str(site.version.id), taken, errors) for number in range(users)
        ]
        busy = psutil.cpu_times()
        mib = asyncio.run(load(site, people, seconds))
        used = [(one.user + one.system) for one in (psutil.cpu_times(), busy)]
        api = psutil.Process(site.api.pid).cpu_times()
    every = [one for values in taken.values() for one in values]
    told = {
        "users": users,
        "seconds": seconds,
        "load": os.getloadavg()[0],
        "requests": len(every),
        "p50_ms": percentile(every, 0.5),
        "p95_ms": percentile(every, 0.95),
        "p99_ms": percentile(every, 0.99),
        "p95_ms_by_request": {name: percentile(values, 0.95) for name, values in taken.items()},
        "errors": errors,
        "api_mib_first_median_last": [mib[0], statistics.median(mib), mib[-1]],
        "api_mib_by_minute": by_minute(mib),
        "cores_busy": round((used[0] - used[1]) / seconds, 2),
        "cores_of_the_api": round((api.user + api.system) / seconds, 2),
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    main(*[*given, *(60, 50)[len(given) :]])
