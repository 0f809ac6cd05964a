"""What likeness.cluster uses of Ray, in this process: an actor is an object, what is given to it and what it answers is pickled.

`lose(number)` makes an actor's next call the last of its process, which then starts anew.
"""

import pickle
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class RayError(Exception):
    """Ray's own."""


class RayActorError(RayError):
    """An actor was lost, or never came to life."""

    actor_init_failed = False


class _Exceptions:
    RayError, RayActorError = RayError, RayActorError


class FakeRay:
    exceptions = _Exceptions

    def __init__(self, cpus: int) -> None:
        self.cpus, self.lost, self.starts = cpus, set[int](), 0
        self.actors: list[_Actor] = []
        self.pool = ThreadPoolExecutor(max_workers=8)

    def init(self, **options: Any) -> None:
        self.starts += 1

    def shutdown(self) -> None:
        self.actors.clear()

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": float(self.cpus)}

    def remote(self, kind: type) -> "_Kind":
        return _Kind(self, kind)

    def get(self, ref: "Future[bytes]") -> Any:
        return pickle.loads(ref.result())

    def wait(self, refs: "Sequence[Future[bytes]]", *, timeout: float) -> tuple[list[Any], list[Any]]:
        return list(refs), []

    def lose(self, *numbers: int) -> None:
        self.lost |= set(numbers)


class _Kind:
    def __init__(self, ray: FakeRay, kind: type) -> None:
        self.ray, self.kind = ray, kind

    def options(self, **options: Any) -> "_Kind":
        return self

    def remote(self, *arguments: Any) -> "_Actor":
        return _Actor(self.ray, self.kind, pickle.dumps(arguments))


class _Actor:
    def __init__(self, ray: FakeRay, kind: type, arguments: bytes) -> None:
        self.ray, self.start = ray, lambda: kind(*pickle.loads(arguments))
        self.number, self.lock = len(ray.actors), threading.Lock()
        self.process = self.start()
        ray.actors.append(self)

    def __getattr__(self, name: str) -> "_Method":
        return _Method(self, name)

    def call(self, name: str, arguments: bytes) -> bytes:
        with self.lock:
            if name != "ready" and self.number in self.ray.lost:
                self.ray.lost.discard(self.number)
                self.process = self.start()
                raise RayActorError("its node is gone")
            method: Callable[..., Any] = getattr(self.process, name)
            return pickle.dumps(method(*pickle.loads(arguments)))


class _Method:
    def __init__(self, actor: _Actor, name: str) -> None:
        self.actor, self.name = actor, name

    def remote(self, *arguments: Any) -> "Future[bytes]":
        return self.actor.ray.pool.submit(self.actor.call, self.name, pickle.dumps(arguments))
