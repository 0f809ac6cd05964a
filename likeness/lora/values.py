"""The numbers of a file's tensors, read where they lie, without torch."""

import math
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from likeness.errors import InputError
from likeness.lora.safetensors_io import read_header

FLOATS: Mapping[str, Any] = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E5M2": ml_dtypes.float8_e5m2,
    "F8_E4M3FNUZ": ml_dtypes.float8_e4m3fnuz,
    "F8_E5M2FNUZ": ml_dtypes.float8_e5m2fnuz,
    "F8_E8M0": ml_dtypes.float8_e8m0fnu,
}
INTEGERS: Mapping[str, Any] = {
    name: np.dtype(kind)
    for name, kind in (
        ("I64", "i8"),
        ("I32", "i4"),
        ("I16", "i2"),
        ("I8", "i1"),
        ("U8", "u1"),
        ("U16", "u2"),
        ("U32", "u4"),
        ("U64", "u8"),
        ("BOOL", "?"),
    )
}


def refuse_not_finite(path: Path) -> None:
    """Refuse weights of which a number is infinite or none: they draw black pictures.

    Raises:
        InputError: `not-finite`; see `read_header`.
    """
    header = read_header(path)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        broken = sum(not_finite_in(data, entry, header.start) for entry in header.entries.values())
    if broken:
        raise InputError(
            f"{path}: {broken:,} numbers are infinite or none, and it would draw black pictures",
            reason="not-finite",
            remedy="run `dvc repro`, which puts it back or trains again",
        )


def not_finite_in(data: mmap.mmap, entry: Mapping[str, Any], start: int) -> int:
    """How many of a tensor's numbers are infinite or none; `start` is where the tensors begin."""
    values = _values(data, entry, start) if entry["dtype"] in FLOATS else None
    return 0 if values is None else int((~np.isfinite(values)).sum())


def number_in(data: mmap.mmap, entry: Mapping[str, Any], start: int) -> float | None:
    """A tensor's value, of any type; None if it is not one finite number."""
    values = _values(data, entry, start)
    if values is None or values.size != 1 or not math.isfinite(value := float(values[0])):
        return None
    return value


def _values(data: mmap.mmap, entry: Mapping[str, Any], start: int) -> NDArray[Any] | None:
    kind = FLOATS.get(entry["dtype"]) or INTEGERS.get(entry["dtype"])
    first, last = entry["data_offsets"]
    return None if kind is None else np.frombuffer(data[start + first : start + last], kind)
