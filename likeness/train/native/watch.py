"""Watches a training, window by window, and stops it when it diverges."""

import sys
from collections.abc import Callable

from torch import Tensor

from likeness.errors import ConfigError
from likeness.train import LESS_STEEP
from likeness.train.config import TrainConfig
from likeness.train.native.checkpoint import RunFolder
from likeness.train.native.compute import spill_warning
from likeness.train.native.schedule import learning_rate
from likeness.train.native.throughput import Throughput

OnWindow = Callable[[int, dict[str, float]], None]
"""Gets a step and what was measured up to there."""


class Watch:
    """Reads the losses of a window from the device, and stops a run that diverges before it is saved."""

    def __init__(
        self,
        cfg: TrainConfig,
        losses: Tensor,
        norms: Tensor,
        preservation: Tensor,
        meter: Throughput,
        run: RunFolder,
        *,
        start: int,
        on_window: OnWindow,
    ) -> None:
        self.cfg, self.losses, self.norms, self.meter, self.run = cfg, losses, norms, meter, run
        self.preservation, self.on_window = preservation, on_window
        self.read_until, self.new_steps, self._warned = start, 0, False

    def read(self, done: int) -> str:
        """How it goes since the last call; ConfigError when losses or gradients are no numbers, or losses far above the
        first window's."""
        mean = self.losses[self.read_until : done].mean().item()
        first = self.losses[: min(done, self.cfg.system.log_every_steps)].mean().item()
        # A gradient that is no number spoils the weights a step before a loss shows it: they must not be saved.
        steady = bool(self.norms[self.read_until : done].isfinite().all())
        # Written so that a NaN, which compares as false, is caught.
        if not (mean <= first * self.cfg.selection.divergence_factor and steady):
            good = self.run.newest_file()
            raise ConfigError(
                f"training diverged: the mean loss of steps {self.read_until + 1} to {done} is {mean:.4g}, "
                f"that of the first {self.cfg.system.log_every_steps} was {first:.4g}"
                + ("" if steady else ", and a gradient among them is not a finite number")
                + (f"; the state before it is kept in {good}" if good else ""),
                reason="diverged",
                remedy=LESS_STEEP,
            )
        preserved = {}
        if self.cfg.preserved_images:
            preserved = {"preservation_loss": self.preservation[self.read_until : done].mean().item()}
        self.new_steps, self.read_until = done - self.read_until, done
        if not self._warned and (warning := spill_warning(self.losses.device)):
            self._warned = True
            sys.stderr.write(f"train: WARNING: {warning}\n")
        norm = self.norms[done - 1].item()
        rate = learning_rate(self.cfg.schedule, self.cfg.optimizer.lr, done - 1)
        metered = self.meter.read(self.new_steps)
        self.on_window(done, {"loss": mean, "grad_norm": norm, "lr": rate, **preserved, **metered})
        cost = f", {metered['cost_usd']:.2f} USD" if "cost_usd" in metered else ""
        return f"loss {mean:.4f}, {metered['images_per_s']:.3g} images/s{cost}"
