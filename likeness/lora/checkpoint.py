"""Checkpoints of a run: the LoRA, the optimizer and the losses so far, in one file written atomically.

The frozen base is never saved, and no generator state either: randomness is derived from (seed, step).
They lie in `.cache/training/RUN_KEY/`, outside DVC's outputs, which DVC deletes before it runs a stage. The
run's key names everything that decides its result, so only the very same run is resumed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from likeness.items import write_atomic
from likeness.lora.shared_checkpoints import SharedCheckpoints
from likeness.lora.weights_file import content_sha256, read_metadata, weights_bytes

NAME = re.compile(r"step-(\d{8})\.safetensors")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The state after `step` optimizer steps; tensors by name, on the CPU."""

    step: int
    tensors: dict[str, Tensor]


class RunFolder:
    """The working files of one run: its newest `kept` checkpoints and every intermediate weights file."""

    def __init__(self, folder: Path, *, key: str, kept: int, shared: SharedCheckpoints | None = None) -> None:
        self.folder, self.key, self.kept, self.shared = folder, key, kept, shared

    def save(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Write the checkpoint of `step`, then remove those no longer kept."""
        metadata = {"run": self.key, "step": str(step), "sha256": content_sha256(tensors)}
        self.folder.mkdir(parents=True, exist_ok=True)
        data = weights_bytes(tensors, metadata)
        write_atomic(self.folder / f"step-{step:08d}.safetensors", data)
        if self.shared is not None:
            self.shared.send(data)
        for _, path in self._found()[self.kept :]:
            path.unlink(missing_ok=True)

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint of this run that is whole, here or shared; None if there is none."""
        own = next((read for _, path in self._found() if (read := self._read(path.read_bytes()))), None)
        shared = [] if self.shared is None else [self._read(data) for data in self.shared.found()]
        return max((one for one in [own, *shared] if one), key=lambda one: one.step, default=None)

    def newest_file(self) -> Path | None:
        """Where the newest checkpoint lies on this machine."""
        return next((path for _, path in self._found()), None)

    def save_weights(self, step: int, data: bytes) -> None:
        """Keep the LoRA of an intermediate step until the run is finished."""
        (self.folder / "weights").mkdir(parents=True, exist_ok=True)
        write_atomic(self.folder / "weights" / f"step-{step:08d}.safetensors", data)

    def weights(self) -> dict[int, Path]:
        """The intermediate weights by step."""
        paths = sorted((self.folder / "weights").glob("step-*.safetensors"))
        return {int(match.group(1)): path for path in paths if (match := NAME.fullmatch(path.name))}

    def _found(self) -> list[tuple[int, Path]]:
        paths = self.folder.glob("step-*.safetensors")
        found = [(int(match.group(1)), path) for path in paths if (match := NAME.fullmatch(path.name))]
        return sorted(found, reverse=True)

    def _read(self, data: bytes) -> Checkpoint | None:
        try:
            tensors, metadata = load(data), read_metadata(data)
        except (SafetensorError, ValueError):
            return None
        intact = metadata.get("run") == self.key and metadata.get("sha256") == content_sha256(tensors)
        return Checkpoint(step=int(metadata["step"]), tensors=tensors) if intact else None
