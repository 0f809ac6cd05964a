"""What a job cost by its provider's own bill, which counts where it tells of all the job's machines."""

import datetime
import math
import os
import threading
from collections.abc import Sequence
from functools import cached_property

from likeness.cloud.records import Life
from likeness.cloud.runpod import RunPod
from likeness.config import Config
from likeness.errors import LikenessError
from likeness.formatting import format_usd

# Billing runs behind: others saw nothing of a pod for 40 minutes and more (2026-10), and RunPod promises no time.
BILLED_WITHIN_S = 3600.0
# A bill of less than the machines themselves counted may be half of one, until it is as old as this. What is below FAULT of it
# is no matter of prices that fell.
WHOLE_WITHIN_S = 2 * 86400.0
FAULT = 0.05
# Its own default is 30 days.
YEAR = datetime.timedelta(days=365)


class Bills:
    """RunPod's list, asked for once and only when a job of RunPod's is looked at; `notes` says why it did not serve."""

    def __init__(self, cfg: Config, now: datetime.datetime) -> None:
        self._cfg, self._now = cfg, now
        self.notes: list[str] = []

    def of(self, job: str, lives: Sequence[Life], lost: int, estimate: float) -> float | None:
        """Dollars, where RunPod bills every machine of a job that has ended; None, and a note, where the estimate is to serve.

        `lost` is how many machines the engine lost: one that wrote nothing is in no list of lives.
        """
        if not any(life.pod for life in lives) or (known := self._known) is None:
            return None
        if why := self._missing(lives, lost, estimate, known):
            self.notes.append(f"{job}: its cost is our estimate: {why}")
            return None
        return sum(known[life.pod] for life in lives)

    def _missing(self, lives: Sequence[Life], lost: int, estimate: float, known: dict[str, float]) -> str:
        age_s = math.inf
        if lost >= len(lives):
            return "a machine was lost before it wrote who it is"
        for life in lives:
            if not life.pod:
                return f"{life.machine} is not billed by RunPod"
            ended = datetime.datetime.fromisoformat(life.began) + datetime.timedelta(seconds=life.seconds)
            age_s = min(age_s, (self._now - ended).total_seconds())
            if age_s < BILLED_WITHIN_S:
                return f"pod {life.pod} ended less than an hour ago, and RunPod's bill comes later; look again then"
            if not known.get(life.pod):
                return f"RunPod's list of bills has nothing of pod {life.pod}"
        usd = sum(known[life.pod] for life in lives)
        if usd < (1 - FAULT) * estimate and age_s < WHOLE_WITHIN_S:
            return (
                f"RunPod's bill has {format_usd(usd)} of it so far, which may not be all; look again tomorrow"
            )
        return ""

    @cached_property
    def _known(self) -> dict[str, float] | None:
        config = self._cfg.cloud.runpod
        if not os.environ.get(config.api_key_env):
            self.notes.append(
                f"Costs are our estimate: RunPod's bills are asked for with {config.api_key_env}, "
                "which is not set here."
            )
            return None
        try:
            with RunPod(config, stop=threading.Event()) as account:
                return account.bills((self._now - YEAR).date(), self._now.date())
        except LikenessError as error:
            self.notes.append(f"Costs are our estimate: RunPod's bills cannot be had: {error.message}")
            return None
