"""A run's state in the team's store, so that another machine goes on when this one is taken away.

    training/RUN_KEY/0, 1        the newest checkpoints: written in turn, each replaced whole or not at all
    training/RUN_KEY/weights/    every intermediate weights file

One thread sends the files of the run's folder in the order they were saved, of checkpoints the newest only; so the
weights before a checkpoint are there when it is. Training never waits for the thread, nor for its errors.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from likeness.digests import sha256_file
from likeness.store.s3 import Remote

PLACES = 2
CHECKPOINT = "checkpoint"
# How long the end of a run waits for what is on its way; a spot machine has two minutes from its signal.
PATIENCE_S = 30.0


class SharedCheckpoints:
    """What `RunFolder` sends and finds. `unsent` is how many files the end left behind, `problem` why, if not for time."""

    def __init__(self, remote: Remote, key: str) -> None:
        self._remote, self._folder = remote, f"training/{key}"
        self._place = 0
        self._waiting: dict[str, Path] = {}
        self._busy = self._failed = self._ended = False
        self._change = threading.Condition()
        self.problem: Exception | None = None

    @property
    def unsent(self) -> int:
        """Files that are not there yet."""
        return len(self._waiting)

    def checkpoints(self) -> list[bytes]:
        """All that are there, whole or not.

        Raises:
            AuthError, ConfigError, TransientError: the store cannot be asked.
        """
        return [data for place in range(PLACES) if (data := self._remote.read(f"{self._folder}/{place}"))]

    def weights(self, name: str) -> bytes | None:
        """An intermediate weights file by its name in the run's folder; raises as `checkpoints` does."""
        return self._remote.read(f"{self._folder}/weights/{name}")

    def send_checkpoint(self, path: Path) -> None:
        """Send it some time soon, unless a newer one comes before its turn."""
        self._send(CHECKPOINT, path)

    def send_weights(self, path: Path) -> None:
        """Send it some time soon, unless it is there."""
        self._send(f"weights/{path.name}", path)

    def _send(self, name: str, path: Path) -> None:
        with self._change:
            self._waiting.pop(name, None)  # the newest checkpoint goes behind the weights before it
            self._waiting[name] = path
            self._failed = False
            self._change.notify_all()

    @contextmanager
    def running(self) -> Generator[None]:
        """Sends inside; at the end waits for what is left, and tries once more what has failed."""
        threading.Thread(target=self._work, name="share-checkpoints", daemon=True).start()
        try:
            yield
        finally:
            with self._change:
                self._failed = False
                self._change.notify_all()
                self._change.wait_for(lambda: not self._busy and not self._ready(), PATIENCE_S)
                self._ended = True
                self._change.notify_all()

    def _ready(self) -> bool:
        # What failed waits for the next file, so that a store that is down is not asked without end.
        return bool(self._waiting) and not self._failed

    def _work(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._ended or self._ready())
                if self._ended:
                    return
                name, path = next(iter(self._waiting.items()))
                self._busy = True
            problem = None
            try:
                self._write(name, path)
            # Whatever it is must not cost the run, which waits for this thread at its end.
            except Exception as error:
                problem = error
            with self._change:
                self.problem, self._busy = problem, False
                superseded = self._waiting[name] != path
                if problem is None and not superseded:
                    del self._waiting[name]
                self._failed = problem is not None and not superseded
                self._change.notify_all()

    def _write(self, name: str, path: Path) -> None:
        digest = sha256_file(path)
        if name == CHECKPOINT:
            self._remote.upload(f"{self._folder}/{self._place}", path, digest)
            self._place = (self._place + 1) % PLACES
        elif self._remote.sha256(f"{self._folder}/{name}") != digest:
            self._remote.upload(f"{self._folder}/{name}", path, digest)
