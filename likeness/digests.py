"""The digest by which bytes are known: sha256; md5 where DVC's files name it. A user's file is the one that was reviewed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from likeness.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from _typeshed import ReadableBuffer
    from numpy.typing import NDArray

Json = Any  # JSON values: None, bool, int, float, str, list, dict

SHA256_HEX = re.compile("[0-9a-f]{64}")
# pydantic's patterns are Rust's: \z is the end.
Sha256 = Annotated[str, Field(pattern=rf"^{SHA256_HEX.pattern}\z")]


def sha256_bytes(data: ReadableBuffer) -> str:
    """Hex sha256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def canonical_json(value: object) -> bytes:
    """What a signature or a digest of a value is over: keys sorted, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def digests_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """The sha256 of each file."""
    return {name: sha256_bytes(data) for name, data in files.items()}


def sha256_file(path: Path) -> str:
    """Hex sha256 of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_pixels(rgb: NDArray[np.uint8]) -> str:
    """Hex sha256 of decoded pixels [H, W, C] with their shape: equal pictures, whatever the file format."""
    return sha256_bytes(repr(rgb.shape).encode() + rgb.tobytes())


def md5_file(path: Path) -> str:
    """Hex md5 of a file's bytes, as dvc.lock names it: it identifies, and proves nothing."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def check_file(setting: str, path: Path, remedy: str) -> None:
    """Refuse a setting whose file is not there.

    Raises:
        ConfigError: `missing-weights`.
    """
    if not path.is_file():
        raise ConfigError(f"{setting}: there is no file {path}", reason="missing-weights", remedy=remedy)


def check_digest(setting: str, path: Path, sha256: str, data: bytes | None = None) -> None:
    """Refuse a file that is not the one that was reviewed; `data` are its bytes, where they are read already.

    Raises:
        ConfigError: `wrong-weights`.
    """
    if (found := sha256_file(path) if data is None else sha256_bytes(data)) != sha256:
        raise ConfigError(
            f"{setting}: {path} has sha256 {found}, conf/ names {sha256}",
            reason="wrong-weights",
            remedy="use the file that was reviewed, or record the new one's sha256 and licence in conf/",
        )
