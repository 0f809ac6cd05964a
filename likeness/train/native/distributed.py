"""The processes that train one LoRA together, one a GPU: their roles, and what they exchange.

Each takes its share of a step's parts; then gradients are added up, in one message a step. So the base needs no wrapper,
and two processes train what one does with twice the accumulation, bit for bit.
"""

import os
import sys
import threading
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager, redirect_stderr
from datetime import timedelta
from typing import Any, NoReturn

import torch
import torch.distributed
from torch import Tensor
from torch.nn import Parameter

from likeness.errors import ConfigError

# What torchrun and `accelerate launch` tell each process they start.
SIZE_VARIABLE = "WORLD_SIZE"
# The others wait as long while the first encodes a large dataset; when it fails, the launcher ends them.
PATIENCE = timedelta(days=1)
PARENT_CHECK_S = 1.0

distributed: Any = torch.distributed  # typed in parts only


def start_processes(module: str, arguments: list[str], processes: int) -> NoReturn:
    """Become the launcher of so many processes `python -m module arguments`, on this machine."""
    # The launcher would set it to 1, and say so.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    sys.stderr.flush()
    launcher = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    os.execv(sys.executable, [sys.executable, "-m", *launcher, "-m", module, *arguments])


def was_started_together() -> bool:
    """Whether a launcher started this process."""
    return SIZE_VARIABLE in os.environ


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

            threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
            cpu = device == "cpu" or not torch.cuda.is_available()
            state: Any = PartialState(cpu=cpu, timeout=PATIENCE)
            self.size, self.rank, self._device = state.num_processes, state.process_index, state.device

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
        distributed.all_reduce(message)
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
        distributed.all_reduce(told)
        return told.item()

    @contextmanager
    def main_first(self) -> Generator[None]:
        """The first process goes ahead, so that the others find what it made."""
        if not self.main:
            distributed.barrier()
        yield
        if self.main and self.size > 1:
            distributed.barrier()

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
        distributed.barrier()
        distributed.destroy_process_group()


def _end_with_parent(parent: int) -> None:
    # The launcher starts each process in a session of its own: a kill -9 of `dvc repro` and its group misses it.
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_S)
    os._exit(1)
