"""The same weights in a safetensors file whose data start elsewhere."""

from pathlib import Path

LENGTH_BYTES = 8


def shift_tensors(path: Path, by_bytes: int) -> None:
    """Lengthen the header by so many spaces, which the format allows; all that follows lies further back."""
    data = path.read_bytes()
    end = LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "little")
    header = data[LENGTH_BYTES:end] + b" " * by_bytes
    path.write_bytes(len(header).to_bytes(LENGTH_BYTES, "little") + header + data[end:])
