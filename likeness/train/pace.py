"""The speed of training on this machine, by the settings that decide it; a plan uses it only for equal settings.

No torch here: a plan loads none.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from likeness.config import Config
from likeness.disk import optional, write_atomic
from likeness.paths import RepositoryPaths
from likeness.store.keys import item_key

# Where Linux shows a GPU to programs: NVIDIA's, WSL's, AMD's.
GPUS = ("/dev/nvidia0", "/dev/dxg", "/dev/kfd")


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds of an optimizer step, over how many steps they were measured, and the device's name."""

    seconds_a_step: float
    steps: int
    device: str


def device_kind(cfg: Config) -> str:
    """`cpu` or `cuda`, as far as that is known without torch."""
    device = cfg.train.system.device
    return device if device != "auto" else "cuda" if any(map(os.path.exists, GPUS)) else "cpu"


def work_words(cfg: Config) -> str:
    """What a step is, for a person: base, side and batch."""
    data, parts = cfg.train.data, cfg.train.parts
    batch = f"{data.batch_size} images" if parts == 1 else f"{data.batch_size} x {parts} images"
    return f"{cfg.base.architecture} ({cfg.base.source}) at {data.side_px} px, {batch} a step"


def remember(cfg: Config, repository: RepositoryPaths, pace: Pace, kind: str) -> None:
    """Keep what a run measured on a device of this kind."""
    path = _file(cfg, repository, kind)
    with optional():
        write_atomic(path, json.dumps(asdict(pace)).encode())


def recall(cfg: Config, repository: RepositoryPaths, kind: str | None = None) -> Pace | None:
    """The pace of the last run of the same base with the same settings, as far as these decide it, on this kind of device
    (by default the one that would train here); None without one."""
    path = _file(cfg, repository, kind or device_kind(cfg))
    return parse_pace(path.read_bytes()) if path.is_file() else None


def parse_pace(data: bytes) -> Pace:
    """What `remember` wrote."""
    return Pace(**json.loads(data))


def _file(cfg: Config, repository: RepositoryPaths, kind: str) -> Path:
    return repository.history / "pace" / pace_name(cfg, kind)


def pace_name(cfg: Config, kind: str) -> str:
    """The name of the file that holds the pace of these settings on this kind of device."""
    train = cfg.train
    again = [train.preserved_images] if train.preserved_images else []  # a step without keeps its name
    settings = {
        "base": cfg.base.model_dump(mode="json"),
        "trainer": train.trainer,
        "lora": train.lora.model_dump(mode="json"),
        "selection": train.selection.model_dump(mode="json"),
        "optimizer": [train.optimizer.target, train.optimizer.text_encoders, train.optimizer.ema is not None],
        "step": [train.data.side_px, train.data.batch_size, train.schedule.gradient_accumulation, *again],
        "system": [kind, train.system.processes, train.system.gradient_checkpointing, train.system.compile],
    }
    return f"{item_key('plan.pace', 1, settings, [])[:32]}.json"
