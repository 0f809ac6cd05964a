"""200 calls of 1 MB each way to a server that answers after 200 ms: wall time over the ideal, beside a plain
httpx.AsyncClient loop in the same run. The server is a process of its own."""

import asyncio
import math
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx

from likeness.http.client import Client
from likeness.http.rate_limit import Limits

CALLS, LATENCY_S, BODY = 200, 0.2, "y" * 1_000_000
REPEATS = 3
SERVER = """
import asyncio, json, sys
from aiohttp import web
BODY = json.dumps("x" * 1_000_000).encode()
async def call(request):
    await request.read()
    await asyncio.sleep(float(sys.argv[1]))
    return web.Response(body=BODY, content_type="application/json")
async def main():
    app = web.Application(client_max_size=10**8)
    app.router.add_post("/call", call)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
asyncio.run(main())
"""


def ours(url: str, in_flight: int) -> None:
    limits = Limits(
        in_flight=in_flight,
        requests_per_minute=None,
        tokens_per_minute=None,
        connect_s=5,
        write_s=30,
        read_s=30,
        attempts=1,
        backoff_s=0,
        backoff_max_s=0,
        max_response_mb=8,
    )
    with (
        Client("bench", url, auth=None, limits=limits, stop=threading.Event()) as client,
        ThreadPoolExecutor(in_flight) as pool,
    ):
        list(pool.map(lambda _: client.post("/call", BODY, safe=False).json(), range(CALLS)))


def plain(url: str, in_flight: int) -> None:
    async def run() -> None:
        places = asyncio.Semaphore(in_flight)
        kept = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
        async with httpx.AsyncClient(limits=kept, timeout=30) as client:

            async def one() -> None:
                async with places:
                    (await client.post(f"{url}/call", json=BODY)).json()

            await asyncio.gather(*(one() for _ in range(CALLS)))

    asyncio.run(run())


def main() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(LATENCY_S)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        for in_flight in (16, 32):
            ideal_s = math.ceil(CALLS / in_flight) * LATENCY_S
            for name, way in (("likeness.http", ours), ("httpx.AsyncClient", plain)):
                walls, cpus = zip(*(timed(way, url, in_flight) for _ in range(REPEATS)), strict=True)
                ratio, cpu_ms = statistics.median(walls) / ideal_s, statistics.median(cpus) / CALLS * 1e3
                print(
                    f"calls: {in_flight} in flight: {name:18} {ratio:.3f} x ideal, {cpu_ms:.1f} ms CPU a call"
                )
        server.stdin.close()


def timed(way: Callable[[str, int], None], url: str, in_flight: int) -> tuple[float, float]:
    """Wall and CPU seconds of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    way(url, in_flight)
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
