# pyright: basic
# (safetensors and a stranger's JSON are not typed)
"""safetensors files: bytes that are the same for the same content, and a reader that a stranger's file cannot break.

The safetensors library writes metadata in the random order of a hash map, so a file with metadata never has
the same bytes twice. Its bytes without metadata are stable (tensors sorted by type and name); the header is
rewritten here. Format: https://github.com/huggingface/safetensors#format (8-byte length, JSON, data).
"""

import contextlib
import json
import os
import stat
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from safetensors import SafetensorError, safe_open

from likeness.digests import sha256_bytes
from likeness.errors import InputError, without_control

if TYPE_CHECKING:
    from torch import Tensor

LENGTH_BYTES = 8
HEADER_ALIGNMENT = 8  # the library pads its header with spaces so that data start aligned
# The library reads headers of 100 MB, for gigabytes of memory; the largest of trainers' are a few MB of captions' tags.
MAX_HEADER_BYTES = 32 * 2**20
# Trainers' longest have about 150; a longer one, or one that rewrites a terminal, is nobody's layer.
MAX_NAME_CHARACTERS = 500
NAMES_SHOWN = 3  # in a message
MAX_SHOWN = 300  # characters of what a library says of a stranger's file
# What PEFT calls a folder's files.
PEFT_CONFIG, PEFT_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a file says: its tensors' entries (`dtype`, `shape`, `data_offsets` from `start`) and its metadata."""

    entries: Mapping[str, Mapping[str, Any]]
    metadata: dict[str, str]
    start: int


@contextlib.contextmanager
def of_file(what: str) -> Generator[None]:
    """Inside, a refusal begins with `what`, the file that it is of."""
    try:
        yield
    except InputError as error:
        if what in error.message:
            raise
        raise InputError(f"{what}: {error.message}", reason=error.reason, remedy=error.remedy) from error


def find_weights(path: Path) -> tuple[Path, dict[str, Any] | None]:
    """The weights file, and of a folder that PEFT wrote what its adapter_config.json says.

    Raises:
        InputError: `missing-file`, a folder without such a configuration.
    """
    if not os.path.isdir(path):  # unlike Path's, of any name
        return path, None
    try:
        with _opened(path / PEFT_CONFIG) as file:
            config = dict(_parsed(file.read(MAX_HEADER_BYTES)))
    except (OSError, ValueError, TypeError, RecursionError, InputError) as error:
        why = f"it is a folder without {PEFT_CONFIG}, or with one that does not read"
        raise _unreadable(path, why) from error
    return path / PEFT_WEIGHTS, config


def read_header(path: Path) -> Header:
    """The header of a .safetensors file, checked by the library; nothing of the data is read.

    Raises:
        InputError: `missing-file`: no regular file that can be read; `not-safetensors`.
    """
    try:
        with _opened(path) as file:
            length = int.from_bytes(file.read(LENGTH_BYTES), "little")
            if not 2 <= length <= os.fstat(file.fileno()).st_size - LENGTH_BYTES:
                raise _broken(path, "its first 8 bytes are not a header's length")
            if length > MAX_HEADER_BYTES:
                raise _broken(path, f"its header has {length:,} bytes, more than {MAX_HEADER_BYTES:,}")
            header: dict[str, Any] = _parsed(file.read(length))
        with safe_open(path, framework="numpy") as checked:
            metadata: dict[str, str] = checked.metadata() or {}
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except (SafetensorError, ValueError, RecursionError) as error:
        raise _broken(path, str(error) or type(error).__name__) from error
    header.pop("__metadata__", None)
    for name in header:
        if len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
            raise _broken(
                path, f"it calls a tensor by {len(name):,} characters, or by some that cannot be shown"
            )
    return Header(entries=header, metadata=metadata, start=LENGTH_BYTES + length)


def _opened(path: Path) -> BinaryIO:
    """A regular file, opened: a pipe or a device would be waited at, or have no end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise _unreadable(path, "it is not a regular file")
    return path.open("rb")


def _parsed(text: bytes) -> Any:
    """JSON in which no object has two equal keys: readers differ on which of them counts."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found := dict(pairs)) < len(pairs):
            raise ValueError("it has two entries of one name")
        return found

    return json.loads(text, object_pairs_hook=once)


def weights_bytes(tensors: Mapping[str, "Tensor"], metadata: Mapping[str, str]) -> bytes:
    """A .safetensors file with the metadata in the order of their names."""
    return described_bytes(tensors, lambda _: metadata)


def described_bytes(tensors: Mapping[str, "Tensor"], describe: Callable[[str], Mapping[str, str]]) -> bytes:
    """As `weights_bytes`, with the metadata that `describe` makes of the tensors' `content_sha256`: they are laid out once."""
    header, data = _split(_save(tensors))
    return header_bytes(describe(sha256_bytes(data)), json.loads(header)) + data


def header_bytes(metadata: Mapping[str, str], entries: Mapping[str, Any]) -> bytes:
    """The length and the header of a file, the metadata in the order of their names."""
    described = {"__metadata__": dict(sorted(metadata.items())), **entries}
    text = json.dumps(described, separators=(",", ":"), ensure_ascii=True).encode()
    text += b" " * (-len(text) % HEADER_ALIGNMENT)
    return len(text).to_bytes(LENGTH_BYTES, "little") + text


def content_sha256(tensors: Mapping[str, "Tensor"]) -> str:
    """sha256 of everything after the header: `modelspec.hash_sha256` and `sshs_model_hash`."""
    return sha256_bytes(_split(_save(tensors))[1])


def read_metadata(data: bytes) -> dict[str, str]:
    """The metadata of a .safetensors file's bytes."""
    return json.loads(_split(data)[0]).get("__metadata__") or {}  # the library takes null for none


def _save(tensors: Mapping[str, "Tensor"]) -> bytes:
    from safetensors.torch import save

    return save(dict(tensors))


def _split(data: bytes) -> tuple[bytes, bytes]:
    end = LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "little")
    return data[LENGTH_BYTES:end], data[end:]


def _unreadable(path: Path, why: str) -> InputError:
    return InputError(
        f"{path} cannot be read: {why}",
        reason="missing-file",
        remedy="give the path of a .safetensors file, or of a folder that PEFT wrote",
    )


def _broken(path: Path, why: str) -> InputError:
    return InputError(
        f"{path} is not a safetensors file: {without_control(why)[:MAX_SHOWN]}",
        reason="not-safetensors",
        remedy="download or export it again; other formats (.pt, .ckpt) can run code and are not read",
    )
