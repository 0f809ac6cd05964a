"""The digest by which bytes are known: sha256; md5 where DVC's files name it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

if TYPE_CHECKING:
    import numpy as np
    from _typeshed import ReadableBuffer
    from numpy.typing import NDArray

SHA256_HEX = re.compile("[0-9a-f]{64}")
# pydantic's patterns are Rust's: \z is the end.
Sha256 = Annotated[str, Field(pattern=rf"^{SHA256_HEX.pattern}\z")]


def sha256_bytes(data: ReadableBuffer) -> str:
    """Hex sha256 of bytes."""
    return hashlib.sha256(data).hexdigest()


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
