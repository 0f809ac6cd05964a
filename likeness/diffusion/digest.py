"""What identifies a base model: the sha256 of its files, or of the weights in memory."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from torch import Tensor

from likeness.digests import sha256_bytes, sha256_file
from likeness.disk import optional, write_atomic

CONFIG_SUFFIXES = (".json", ".txt", ".model", ".jinja")
PARTS = (
    "unet", "transformer", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler",
)  # fmt: skip


def tensors_digest(parts: Mapping[str, Mapping[str, Tensor]]) -> str:
    """sha256 over names, types, shapes and bytes of the tensors of each part, in the order of their names."""
    digest = hashlib.sha256()
    for part in sorted(parts):
        for name, tensor in sorted(parts[part].items()):
            digest.update(f"{part}.{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def folder_files(folder: Path, variant: str | None) -> list[Path]:
    """The files of a diffusers folder that loading it with `variant` reads."""
    chosen = [folder / "model_index.json"]
    for part in PARTS:
        files = sorted(path for path in (folder / part).glob("*") if path.is_file())
        weights = [path for path in files if path.suffix == ".safetensors"]
        named = [path for path in weights if variant is not None and f".{variant}." in path.name]
        plain = [path for path in weights if path.name.count(".") == 1]
        chosen += [path for path in files if path.suffix in CONFIG_SUFFIXES] + (named or plain)
    return [path for path in chosen if path.is_file()]


def files_digest(files: Sequence[Path], relative_to: Path, memo: Path | None) -> str:
    """sha256 over relative names and contents; each file's own digest is remembered in the folder `memo`, if there is one.

    A base of several GB takes seconds to read, so a digest counts as long as the file's real path, size, times and
    inode are the same: the time of its last change is nobody's to set.
    """
    lines = [f"{path.relative_to(relative_to).as_posix()} {_file_digest(path, memo)}" for path in files]
    return sha256_bytes("\n".join(lines).encode())


def _file_digest(path: Path, memo: Path | None) -> str:
    real = path.resolve()
    if memo is None:
        return sha256_file(real)
    facts = real.stat()
    state = [str(real), facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino]
    note = memo / f"{sha256_bytes(str(real).encode())}.json"
    with suppress(OSError, ValueError):
        remembered: dict[str, Any] = json.loads(note.read_bytes())
        if remembered.get("state") == state:
            return remembered["sha256"]
    digest = sha256_file(real)
    with optional():
        write_atomic(note, json.dumps({"state": state, "sha256": digest}).encode())
    return digest
