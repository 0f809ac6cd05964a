"""Checkpoints of a run: the LoRA, the optimizer and the losses so far, in one file written atomically.

The frozen base is never saved, and no generator state either: randomness is derived from (seed, step).
They lie in `.cache/training/RUN_KEY/`, outside DVC's outputs, which DVC deletes before it runs a stage. The
run's key names everything that decides its result, so only the very same run is resumed.

A checkpoint is signed with the team's key (team_keys.py): one that another hand wrote, here or in the team's store, is not read.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from likeness.aligned import align_tensors
from likeness.digests import sha256_bytes, sha256_file
from likeness.disk import write_atomic
from likeness.errors import TransientError
from likeness.lora.safetensors_io import content_sha256, described_bytes, read_metadata
from likeness.team_keys import TeamKeys
from likeness.train.native.distributed import AGAIN, Ranks
from likeness.train.native.shared_checkpoints import SharedCheckpoints

# By how many readings processes that train together must have found the same checkpoint.
READINGS = 3
NAME = re.compile(r"step-(\d{8})\.safetensors")


def file_name(step: int) -> str:
    """As NAME reads it."""
    return f"step-{step:08d}.safetensors"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The state after `step` optimizer steps: tensors by name, on the CPU, and by their step the sha256 of the
    intermediate weights files up to there."""

    step: int
    tensors: dict[str, Tensor]
    weights: Mapping[int, str]


OWNER = "persona"


@dataclass(eq=False)
class RunFolder:
    """The working files of one run: its newest `kept` checkpoints and every intermediate weights file."""

    folder: Path
    key: str = field(kw_only=True)
    kept: int = field(kw_only=True)
    shared: SharedCheckpoints | None = None
    persona: str = ""
    permit: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self._digests: dict[Path, str] = {}
        self._team = TeamKeys("checkpoint of a training")

    def save(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Write the checkpoint of `step`, then remove those no longer kept.

        Raises:
            ConsentError: as `permit` does; then nothing is written, and training ends.
        """
        self.permit()
        weights = {at: self._digest(path) for at, path in self.weights().items() if at <= step}
        said = {"run": self.key, "step": str(step), "weights": json.dumps(weights)}

        def sealed(content: str) -> dict[str, str]:
            seal = _seal(said, content)
            return said | {"sha256": seal, "signature": json.dumps(self._team.sign(seal.encode()))}

        path = self.folder / file_name(step)
        if self.persona:
            write_atomic(self.folder / OWNER, self.persona.encode())  # for `likeness consent purge`
        write_atomic(path, described_bytes(tensors, sealed))
        if self.shared is not None:
            self.shared.send_checkpoint(path)
        for old in self._found()[self.kept :]:
            old.unlink(missing_ok=True)

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint of this run that is whole, here or shared; None if there is none.

        With a shared one come the intermediate weights before it; without them it is not whole.

        Raises:
            AuthError, ConfigError, TransientError: the shared ones cannot be asked for.
        """
        own = next((read for path in self._found() if (read := self._read_file(path))), None)
        if self.shared is None:
            return own
        for path in self.weights().values():  # a kill may have kept them here
            self.shared.send_weights(path)
        found = [read for data in self.shared.checkpoints() if (read := self._read(data))]
        newer = [one for one in found if own is None or one.step > own.step]
        newer.sort(key=lambda one: one.step, reverse=True)
        return next((one for one in newer if self._fetch(self.shared, one.weights)), own)

    def newest_file(self) -> Path | None:
        """Where the newest checkpoint lies on this machine."""
        return next(iter(self._found()), None)

    def save_weights(self, step: int, data: bytes) -> None:
        """Keep the LoRA of an intermediate step until the run is finished."""
        path = self._weights_path(step)
        write_atomic(path, data)
        self._digests[path] = sha256_bytes(data)
        if self.shared is not None:
            self.shared.send_weights(path)

    def weights(self) -> dict[int, Path]:
        """The intermediate weights by step."""
        return _by_step(self.folder / "weights")

    def _found(self) -> list[Path]:
        return list(reversed(_by_step(self.folder).values()))

    def _weights_path(self, step: int) -> Path:
        return self.folder / "weights" / file_name(step)

    def _digest(self, path: Path) -> str:
        if path not in self._digests:
            self._digests[path] = sha256_file(path)
        return self._digests[path]

    def _fetch(self, shared: SharedCheckpoints, weights: Mapping[int, str]) -> bool:
        """Bring the intermediate weights here that are not; False when one of them is not whole."""
        for step, digest in weights.items():
            path = self._weights_path(step)
            if path.is_file() and self._digest(path) == digest:
                continue
            data = shared.weights(path.name)
            if data is None or sha256_bytes(data) != digest:
                return False
            write_atomic(path, data)
            self._digests[path] = digest
        return True

    def _read_file(self, path: Path) -> Checkpoint | None:
        try:
            return self._read(path.read_bytes())
        except OSError:
            return None

    def _read(self, data: bytes) -> Checkpoint | None:
        try:
            tensors, metadata = align_tensors(load(data)), read_metadata(data)
        except (SafetensorError, ValueError):
            return None
        seal, signature = metadata.pop("sha256", ""), metadata.pop("signature", "null")
        if metadata.get("run") != self.key or seal != _seal(metadata, content_sha256(tensors)):
            return None
        try:
            if self._team.signer(seal.encode(), json.loads(signature)) is None:
                return None
        except (ValueError, RecursionError):
            return None
        weights = {int(step): digest for step, digest in json.loads(metadata["weights"]).items()}
        return Checkpoint(step=int(metadata["step"]), tensors=tensors, weights=weights)


def _by_step(folder: Path) -> dict[int, Path]:
    paths = sorted(folder.glob("step-*.safetensors"))
    return {int(match.group(1)): path for path in paths if (match := NAME.fullmatch(path.name))}


def newest_for_all(run: RunFolder, ranks: Ranks) -> Checkpoint | None:
    """The newest checkpoint, the same in all processes: each reads for itself, and a machine that was taken for lost may send one
    in between.

    Raises:
        TransientError: they never found the same; or as `RunFolder.newest`.
    """
    for _ in range(READINGS):
        checkpoint = run.newest()
        step = checkpoint.step if checkpoint else 0
        if not ranks.any(step != ranks.first(step)):
            return checkpoint
    raise TransientError(
        "the processes that train together find different checkpoints",
        reason="checkpoints-differ",
        remedy=AGAIN,
    )


def _seal(metadata: Mapping[str, str], content: str) -> str:
    """What shows that a checkpoint is whole: sha256 of what it says, and of its tensors' `content_sha256`."""
    return sha256_bytes(json.dumps([metadata, content], sort_keys=True).encode())
