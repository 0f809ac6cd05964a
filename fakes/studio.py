"""Pictures made beside the server, each once: swaps and detections in processes, the rest in threads."""

import asyncio
import hashlib
import ipaddress
import multiprocessing
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from fakes import pictures
from fakes.pictures import Box
from fakes.settings import Settings

MAX_INPUT_BYTES = 64 * 2**20
THREADS = 2


class Unfetchable(Exception):
    """The input behind a URL cannot be had; says why."""


class Studio:
    """Results lie in `folder`, named after what they were made from."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self._threads = ThreadPoolExecutor(THREADS)
        self._processes: Executor | None = None
        self._made: dict[str, asyncio.Task[Any]] = {}
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """End the processes and connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._processes is not None:
            self._processes.shutdown(wait=False, cancel_futures=True)
        if self._session is not None:
            await self._session.close()

    async def fetch(self, url: str) -> bytes:
        """The input a client lends, from this machine only: a fake never reaches for the network.

        Raises:
            Unfetchable: it is not on loopback, or the answer is not 200.
        """
        if not _on_loopback(url):
            raise Unfetchable("Could not download image: host not reachable")
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        try:
            async with self._session.get(url) as response:
                if response.status != 200:
                    raise Unfetchable(f"Could not download image: status code {response.status}")
                data = await response.content.read(MAX_INPUT_BYTES + 1)
                while not response.content.at_eof() and len(data) <= MAX_INPUT_BYTES:
                    data += await response.content.read(MAX_INPUT_BYTES)
                return data
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unfetchable(f"Could not download image: {type(error).__name__}") from error

    async def faces(self, data: bytes) -> list[Box]:
        """The boxes of the faces in a picture."""
        if self._settings.detect == "middle":
            return await self._once(("middle", data), lambda: self._in_thread(pictures.middle, data))
        return await self._once(("detect", data), lambda: self._in_process(pictures.detect, data))

    async def swapped(self, source: bytes, target: bytes, box: Box) -> Path:
        """The swap of two pictures."""
        how = (self._settings.swap_format, self._settings.jpeg_quality)

        async def make() -> bytes:
            if self._settings.swap == "paste":
                return await self._in_process(pictures.paste, source, target, box, *how)
            if self._settings.swap == "echo":
                return await self._in_thread(pictures.echo, source, target, box, *how)
            return await self._in_process(pictures.swap, source, target, box, *how)

        return await self._file((self._settings.swap, source, target, box, *how), make)

    async def enlarged(self, data: bytes, scale: float) -> Path:
        """The picture enlarged."""
        how = (self._settings.enhance_format, self._settings.jpeg_quality)
        return await self._file(
            ("enlarge", data, scale, *how), lambda: self._in_thread(pictures.enlarge, data, scale, *how)
        )

    async def _file(self, parts: tuple[Any, ...], make: Callable[[], Any]) -> Path:
        path = self._folder / _key(parts)

        async def write() -> Path:
            path.write_bytes(await make())
            return path

        return await self._once(parts, write)

    async def _once(self, parts: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        key = _key(parts)
        if key not in self._made:
            self._made[key] = asyncio.ensure_future(make())
        return await asyncio.shield(self._made[key])

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    async def _in_process(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if self._processes is None:
            spawn = multiprocessing.get_context("spawn")
            self._processes = ProcessPoolExecutor(
                self._settings.workers, mp_context=spawn, initializer=pictures.die_with_parent
            )
        return await asyncio.get_running_loop().run_in_executor(self._processes, function, *arguments)


def _key(parts: tuple[Any, ...]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part if isinstance(part, bytes) else repr(part).encode()).digest())
    return whole.hexdigest()


def _on_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
