"""The processes that train one LoRA together, one a GPU: their roles, and what they exchange.

Each takes its share of a step's parts; then gradients are added up, in one message a step. So the base needs no wrapper,
and two processes train what one does with twice the accumulation, bit for bit.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, redirect_stderr
from datetime import timedelta
from tempfile import TemporaryFile
from typing import IO, Any

import torch
import torch.distributed
from torch import Tensor
from torch.nn import Parameter

from likeness.errors import ConfigError, TransientError

# What this module, torchrun and `accelerate launch` tell each process they start.
SIZE_VARIABLE = "WORLD_SIZE"
# The others wait as long while the first encodes a large dataset; when it fails, it ends them.
PATIENCE = timedelta(days=1)
CHECK_S = 1.0
# An error that all of them have is told by the first.
GRACE_S = 15.0
LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"
AGAIN = "run `dvc repro` again: training goes on from its newest checkpoint"

distributed: Any = torch.distributed  # typed in parts only


@contextmanager
def beside(command: Sequence[str], processes: int) -> Generator[None]:
    """Inside, so many processes of this machine train together: this one, which is the first, and others that run `command`.

    None is started where a launcher did so, or one is enough. When another one ends too early, so does this one, with what
    it said.
    """
    if processes == 1 or SIZE_VARIABLE in os.environ:
        yield
        return
    threads = int(os.environ.get("OMP_NUM_THREADS") or max(1, (os.cpu_count() or 1) // processes))
    torch.set_num_threads(threads)  # as many in each: their number is part of the run's key
    # Gloo would look for the machine's name, which need not be known.
    shared = {
        SIZE_VARIABLE: str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        "GLOO_SOCKET_IFNAME": LOOPBACK,
        "OMP_NUM_THREADS": str(threads),
    }
    first, *places = ({"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(processes))
    before, over = dict(os.environ), threading.Event()
    os.environ.update(shared | first)
    with TemporaryFile() as said:
        others = [
            subprocess.Popen(
                command, env=os.environ | place, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
            for place in places
        ]
        watch = threading.Thread(target=_watch, args=(others, said, over), daemon=True)
        watch.start()
        try:
            yield
        finally:
            over.set()
            watch.join()
            for other in others:
                _end(other)
            for name in (*shared, *first):
                os.environ.pop(name)
            os.environ.update(before)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _watch(others: Sequence["subprocess.Popen[bytes]"], said: IO[bytes], over: threading.Event) -> None:
    """End this process when another one failed: it may wait for it where nothing else wakes it."""
    while not over.wait(CHECK_S):
        failed = [other for other in others if other.poll()]
        if failed and not over.wait(GRACE_S):
            said.seek(0)
            words = said.read().decode(errors="replace")[-2000:]
            sys.stderr.write(
                f"{words}train: a process that trains with this one ended with status {failed[0].returncode}\n"
                f"  remedy: {AGAIN}\n"
            )
            sys.stderr.flush()
            os._exit(1)


def _end(other: "subprocess.Popen[bytes]") -> None:
    """Let it end; what hangs is killed."""
    try:
        other.wait(GRACE_S if sys.exc_info()[0] is None else 0)
    except subprocess.TimeoutExpired:
        other.kill()
        other.wait()


class Ranks:
    """All processes of this run; alone unless several were started."""

    def __init__(self, processes: int = 1, *, device: str = "auto") -> None:
        """Join the others; `device` as in `train.system.device`.

        Raises:
            ConfigError: more or fewer processes were started than the settings say.
        """
        self.size, self.rank, self._device = 1, 0, torch.device("cpu")
        started = int(os.environ.get(SIZE_VARIABLE, "1"))
        if started != processes:
            raise ConfigError(
                f"train.system.processes is {processes}, but {started} were started",
                remedy=f"start training with `dvc repro`, or set train.system.processes: {started}",
            )
        if processes > 1:
            from accelerate import PartialState  # pyright: ignore[reportMissingTypeStubs]

            cpu = device == "cpu" or not torch.cuda.is_available()
            state: Any = PartialState(cpu=cpu, timeout=PATIENCE)
            self.size, self.rank, self._device = state.num_processes, state.process_index, state.device
            if not self.main:
                threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()

    @property
    def main(self) -> bool:
        """Whether this process writes and reports."""
        return self.rank == 0

    def share(self, parts: int) -> range:
        """Which of a step's parts are this process's."""
        return range(self.rank, parts, self.size)

    @torch.no_grad()
    def total(self, parameters: Iterable[Parameter], losses: Tensor) -> Tensor:
        """Leave the sum of all processes' gradients in the parameters, and return the sums of their losses [N]."""
        if self.size == 1:
            return losses
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        message = torch.cat([*(gradient.flatten() for gradient in gradients), losses])
        _add_up(message)
        start = 0
        for gradient in gradients:
            gradient.copy_(message[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()
        return message[-len(losses) :]

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in one of the processes."""
        return bool(self._sum(float(flag)))

    def first(self, value: float) -> float:
        """The first process's value: others' may differ in the last bits, and all must decide alike."""
        return self._sum(value if self.main else 0.0)

    def _sum(self, value: float) -> float:
        if self.size == 1:
            return value
        told = torch.tensor(value, dtype=torch.float64, device=self._device)
        _add_up(told)
        return told.item()

    def _meet(self) -> None:
        """Wait for all others: who adds up has heard of each."""
        self._sum(0.0)

    @contextmanager
    def main_first(self) -> Generator[None]:
        """The first process goes ahead, so that the others find what it made."""
        if not self.main:
            self._meet()
        yield
        if self.main:
            self._meet()

    @contextmanager
    def together(self) -> Generator[None]:
        """Inside, only the first process reports; they part at the end. An error is told by whoever has it."""
        if self.size == 1:
            yield
            return
        with (
            open(os.devnull, "w", encoding="utf-8") as nowhere,
            redirect_stderr(sys.stderr if self.main else nowhere),
        ):
            yield
        self._meet()
        distributed.destroy_process_group()


def _add_up(message: Tensor) -> None:
    """Leave the sum of all processes' messages in it."""
    try:
        distributed.all_reduce(message)
    except RuntimeError as error:
        gone = "a process that trains with this one is gone"
        raise TransientError(gone, reason="process-lost", remedy=AGAIN) from error


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:  # no group of processes need be killed as a whole
        time.sleep(CHECK_S)
    os._exit(1)
