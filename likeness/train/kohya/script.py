"""sd-scripts' program at work: started, its progress read, stopped."""

import math
import os
import re
import select
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from likeness.errors import ConfigError, ProviderError, TransientError
from likeness.progress import Progress
from likeness.train import LESS_STEEP
from likeness.train.config import TrainConfig
from likeness.train.native.interrupt import StopRequest

# tqdm's line: `steps:  12%|#2  | 120/1000 [00:10<01:20, 11.0it/s, avr_loss=0.0931]`. A step is told twice, first with
# the loss before it.
PROGRESS = re.compile(r"steps:.*\|\s*(\d+)/\d+\s.*avr_loss=([-+.\w]+)")
SECRET = re.compile(r"KEY|SECRET|PASSWORD")  # in names of variables that the script has no use for
KEPT_LINES = 30  # of the script's output, for an error message
QUIET_S = 0.5  # how soon a signal is seen while the script says nothing


def _environment(train: TrainConfig) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not SECRET.search(name)}
    kept["TQDM_MININTERVAL"] = "0"  # a line each step
    return kept | ({"ACCELERATE_USE_CPU": "true"} if train.system.device == "cpu" else {})


def run_script(
    command: list[str], folder: Path, train: TrainConfig, permit: Callable[[], None]
) -> list[float]:
    """The loss of each step, as the script's moving average tells it; a step that it does not tell has the one before's.

    Raises:
        ConsentError: as `permit` does, asked every `train.checkpoint.every_steps`.
        ProviderError: it failed. ConfigError: its loss is not a number. TransientError: stopped by a signal.
    """
    told: dict[int, float] = {}
    last: deque[str] = deque(maxlen=KEPT_LINES)
    steps = train.schedule.steps
    with subprocess.Popen(
        command,
        cwd=folder,
        env=_environment(train),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            with StopRequest() as stop, Progress("train", total=steps) as progress:
                for line in _lines(process.stdout):
                    if stop.requested:
                        raise TransientError(
                            f"train: stopped after {len(told)} of {steps} steps of sd-scripts",
                            reason="stopped",
                            remedy="run `dvc repro` again: this trainer begins anew; native goes on where it stopped",
                        )
                    if (match := PROGRESS.search(line)) is None:
                        last += [line] if line else []
                        continue
                    step, loss = int(match[1]), float(match[2])
                    if not math.isfinite(loss):
                        raise ConfigError(
                            f"train: the loss of step {step} is {loss}",
                            reason="diverged",
                            remedy=LESS_STEEP,
                        )
                    progress.advance("", "trained", steps=max(0, step - max(told, default=0)))
                    told[step] = loss
                    if step % train.checkpoint.every_steps == 0:
                        permit()
            code = process.wait()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if code != 0 or not told:
        lines = "\n  ".join(last)
        raise ProviderError(
            f"sd-scripts ended with exit status {code}:\n  {lines}",
            reason="sd-scripts",
            remedy="read its last lines; it runs with the python of train.kohya.python in its own folder",
        )
    losses: list[float] = []
    for step in range(1, steps + 1):
        losses.append(told.get(step, losses[-1] if losses else told[min(told)]))
    return losses


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """Lines of a terminal program: a carriage return ends one, too. An empty one when nothing came for a while."""
    buffer = b""
    while True:
        if not select.select([stream], [], [], QUIET_S)[0]:
            yield ""
            continue
        if not (chunk := os.read(stream.fileno(), 65536)):
            break
        *whole, buffer = re.split(rb"[\r\n]", buffer + chunk)
        yield from (line.decode(errors="replace").rstrip() for line in whole if line.strip())
    if buffer.strip():
        yield buffer.decode(errors="replace").rstrip()
