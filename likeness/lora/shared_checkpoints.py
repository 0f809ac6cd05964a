"""A run's newest checkpoints in the team's store, so that another machine goes on when this one is taken away.

Two places, `training/RUN_KEY/0` and `1`, are written in turn: an object is replaced whole or not at all, and while one is
on its way the other is there. One thread sends, the newest first; training never waits for it, nor for its errors.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager

from likeness.errors import LikenessError
from likeness.s3 import Remote

PLACES = 2
# How long the end of a run waits for what is on its way; a spot machine has two minutes from its signal.
PATIENCE_S = 30.0


class SharedCheckpoints:
    """What `RunFolder` sends and finds. `problem` is what went wrong with the last one, `unsent` whether the end came first."""

    def __init__(self, remote: Remote, key: str) -> None:
        self._remote, self._folder = remote, f"training/{key}"
        self._next, self._busy, self._ended = 0, False, False
        self._waiting: bytes | None = None
        self._change = threading.Condition()
        self.problem: LikenessError | None = None
        self.unsent = False

    def found(self) -> list[bytes]:
        """All that is there, whole or not.

        Raises:
            AuthError, ConfigError, TransientError: the store cannot be asked.
        """
        return [data for place in range(PLACES) if (data := self._remote.read(f"{self._folder}/{place}"))]

    def send(self, data: bytes) -> None:
        """Send a checkpoint some time soon, unless a newer one comes before its turn."""
        with self._change:
            self._waiting = data
            self._change.notify_all()

    @contextmanager
    def running(self) -> Generator[None]:
        """Sends inside; at the end waits for the last one."""
        thread = threading.Thread(target=self._work, name="share-checkpoints", daemon=True)
        thread.start()
        try:
            yield
        finally:
            with self._change:
                self._change.wait_for(lambda: self._waiting is None and not self._busy, PATIENCE_S)
                self.unsent = self._waiting is not None or self._busy
                self._ended = True
                self._change.notify_all()

    def _work(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting is not None or self._ended)
                if self._waiting is None:
                    return
                data, self._waiting, self._busy = self._waiting, None, True
            problem = None
            try:
                self._remote.write(f"{self._folder}/{self._next}", data)
                self._next = (self._next + 1) % PLACES
            except LikenessError as error:
                problem = error
            with self._change:
                self.problem, self._busy = problem, False
                self._change.notify_all()
