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
from likeness.lora.weights_file import content_sha256, read_metadata, weights_bytes

NAME = re.compile(r"step-(\d{8})\.safetensors")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The state after `step` optimizer steps; tensors by name, on the CPU."""

    step: int
    tensors: dict[str, Tensor]


class RunFolder:
    """The working files of one run: its newest `kept` checkpoints and every intermediate weights file."""

    def __init__(self, folder: Path, *, key: str, kept: int) -> None:
        self.folder, self.key, self.kept = folder, key, kept

    def save(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Write the checkpoint of `step`, then remove those no longer kept."""
        metadata = {"run": self.key, "step": str(step), "sha256": content_sha256(tensors)}
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self.folder / f"step-{step:08d}.safetensors", weights_bytes(tensors, metadata))
        for _, path in self._found()[self.kept :]:
            path.unlink(missing_ok=True)

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint of this run that is whole, or None."""
        for step, path in self._found():
            tensors = self._read(path)
            if tensors is not None:
                return Checkpoint(step=step, tensors=tensors)
        return None

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

    def _read(self, path: Path) -> dict[str, Tensor] | None:
        try:
            data = path.read_bytes()
            tensors, metadata = load(data), read_metadata(data)
        except (SafetensorError, OSError):
            return None
        intact = metadata.get("run") == self.key and metadata.get("sha256") == content_sha256(tensors)
        return tensors if intact else None
