"""safetensors bytes that are the same for the same content.

The safetensors library writes metadata in the random order of a hash map, so a file with metadata never has
the same bytes twice. Its bytes without metadata are stable (tensors sorted by type and name); the header is
rewritten here. Format: https://github.com/huggingface/safetensors#format (8-byte length, JSON, data).
"""

import hashlib
import json
from collections.abc import Mapping

from safetensors.torch import save
from torch import Tensor

LENGTH_BYTES = 8
HEADER_ALIGNMENT = 8  # the library pads its header with spaces so that data start aligned


def weights_bytes(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """A .safetensors file with the metadata in the order of their names."""
    header, data = _split(save(dict(tensors)))
    described = {"__metadata__": dict(sorted(metadata.items())), **json.loads(header)}
    text = json.dumps(described, separators=(",", ":"), ensure_ascii=True).encode()
    text += b" " * (-len(text) % HEADER_ALIGNMENT)
    return len(text).to_bytes(LENGTH_BYTES, "little") + text + data


def content_sha256(tensors: Mapping[str, Tensor]) -> str:
    """sha256 of everything after the header: `modelspec.hash_sha256` and `sshs_model_hash`."""
    return hashlib.sha256(_split(save(dict(tensors)))[1]).hexdigest()


def read_metadata(data: bytes) -> dict[str, str]:
    """The metadata of a .safetensors file's bytes."""
    return json.loads(_split(data)[0]).get("__metadata__", {})


def _split(data: bytes) -> tuple[bytes, bytes]:
    end = LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "little")
    return data[LENGTH_BYTES:end], data[end:]
