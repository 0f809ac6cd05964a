"""What a LoRA file is and says, whoever trained it: read from its header, without torch and without a base.

Format: https://github.com/huggingface/safetensors#format. Names: sd-scripts and LyCORIS (`lora_unet_`, `.lora_down.`,
`lokr_w1`, `hada_w1_a`, `dora_scale`), diffusers (`unet.`, `.lora_A.` or `.lora.down.`), PEFT (`base_model.model.`).
A stranger's file is not trusted: sizes are checked before anything is read, and nothing in it is executed.
"""

import hashlib
import json
import math
import mmap
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from likeness.diffusion.families import bases
from likeness.errors import InputError

LENGTH_BYTES = 8
MAX_HEADER_BYTES = 100_000_000  # the library's own limit
TYPES: dict[str, tuple[int, int, int]] = {
    # bytes, and bits of exponent and of fraction below the sign
    "F64": (8, 11, 52), "F32": (4, 8, 23), "F16": (2, 5, 10), "BF16": (2, 8, 7),
}  # fmt: skip
DOWN = re.compile(r"\.(?:lora_down|lora_A(?:\.[^.]+)?|lora\.down|lora_linear_layer\.down)(?:\.weight)?$")
VARIANTS = {
    "lokr_w1": "LoKr",
    "lokr_w1_a": "LoKr",
    "hada_w1_a": "LoHa",
    "dora_scale": "DoRA",
    "magnitude": "DoRA",
    "lora_magnitude_vector": "DoRA",
}
PARTS = (
    ("text encoder 2", ("lora_te2_", "text_encoder_2.")),
    ("text encoder", ("lora_te_", "lora_te1_", "text_encoder.")),
    (
        "transformer",
        ("lora_transformer_", "transformer.", "diffusion_model.", "lora_unet_double_", "lora_unet_single_"),
    ),
    ("UNet", ("lora_unet_", "unet.", "base_model.model.")),
)
NO_BASE = (("SD 2.x", r"attn2[._]to_k", 1024),)  # a family without a base here, as bases are recognised


@dataclass(frozen=True, kw_only=True)
class LoraFile:
    """One file. `layers` are counted by part, `ranks` by rank; `scales` are alpha / rank, 1 where no alpha is given.

    `not_finite` counts numbers that are infinite or none; `hash_matches` is None where the file records no hash.
    """

    path: Path
    sha256: str
    size_bytes: int
    naming: str
    variant: str
    family: str | None
    layers: dict[str, int]
    ranks: dict[int, int]
    scales: dict[float, int]
    types: dict[str, int]
    parameters: int
    not_finite: int
    hash_matches: bool | None
    metadata: dict[str, str] = field(repr=False)


def read_lora(path: Path) -> LoraFile:
    """Read a .safetensors file.

    Raises:
        InputError: `missing-file`, `not-safetensors`, or `no-lora`: no key is a LoRA's.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b"")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", reason="missing-file",
                         remedy="give the path of a .safetensors file") from error  # fmt: skip
    entries, metadata, start = _header(path, data)
    downs = {DOWN.sub("", key): entry for key, entry in entries.items() if DOWN.search(key)}
    suffixes = {key.rsplit(".", 1)[-1] for key in entries} | {
        key.split(".")[-2] for key in entries if "." in key
    }
    variant = next((name for suffix, name in VARIANTS.items() if suffix in suffixes), "LoRA")
    if not downs and variant == "LoRA":
        raise InputError(
            f"{path} holds {len(entries)} tensors, none of a LoRA: {', '.join(sorted(entries)[:3])}",
            reason="no-lora", remedy="a whole model or another adapter is not read here; give a LoRA's file",
        )  # fmt: skip
    names = sorted(downs) or sorted({key.rsplit(".", 1)[0] for key in entries})
    alphas = {key.removesuffix(".alpha"): _number(data, entry, start)
              for key, entry in entries.items() if key.endswith(".alpha")}  # fmt: skip
    ranks = {name: int(entry["shape"][0]) for name, entry in downs.items() if entry["shape"]}
    scales = {name: round(alphas.get(name, rank) / rank, 6) for name, rank in ranks.items() if rank}
    recorded = metadata.get("sshs_model_hash")
    return LoraFile(
        path=path, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data), naming=_naming(names),
        variant=variant, family=_family(downs, metadata), layers=dict(Counter(map(_part, names))),
        ranks=dict(Counter(ranks.values())), scales=dict(Counter(scales.values())),
        types=dict(Counter(entry["dtype"] for entry in entries.values())),
        parameters=sum(math.prod(entry["shape"]) for key, entry in entries.items() if not key.endswith(".alpha")),
        not_finite=sum(_not_finite(data, entry, start) for entry in entries.values()),
        hash_matches=None if recorded is None else hashlib.sha256(data[start:]).hexdigest() == recorded,
        metadata=metadata,
    )  # fmt: skip


def _header(path: Path, data: memoryview) -> tuple[dict[str, Any], dict[str, str], int]:
    """Tensors' entries, the metadata, and where the data start; every offset is checked."""
    length = int.from_bytes(data[:LENGTH_BYTES], "little") if len(data) >= LENGTH_BYTES else 0
    start = LENGTH_BYTES + length
    if not 2 <= length <= MAX_HEADER_BYTES or start > len(data):
        raise _broken(path, "its first 8 bytes are no header's length")
    try:
        header: Any = json.loads(bytes(data[LENGTH_BYTES:start]))
        metadata = {
            str(k): str(v) for k, v in cast("dict[str, Any]", header.pop("__metadata__", None) or {}).items()
        }
        for entry in header.values():
            first, last = entry["data_offsets"]
            shape = cast("list[int]", entry["shape"])
            width = TYPES.get(entry["dtype"], (0, 0, 0))[0]
            if not 0 <= first <= last <= len(data) - start or min(shape, default=0) < 0:
                raise ValueError("a tensor lies outside the file")
            if width and last - first != width * math.prod(shape):
                raise ValueError("a tensor's size is not its shape's")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _broken(path, str(error) or type(error).__name__) from error
    return cast("dict[str, Any]", header), metadata, start


def _broken(path: Path, why: str) -> InputError:
    return InputError(f"{path} is no safetensors file: {why}", reason="not-safetensors",
                      remedy="download or export it again; other formats (.pt, .ckpt) can run code and are not read")  # fmt: skip


def _bits(data: memoryview, entry: dict[str, Any], start: int) -> NDArray[np.unsignedinteger]:
    first, last = entry["data_offsets"]
    return np.frombuffer(data[start + first : start + last], f"<u{TYPES[entry['dtype']][0]}")


def _not_finite(data: memoryview, entry: dict[str, Any], start: int) -> int:
    """Numbers whose exponent is all ones."""
    if entry["dtype"] not in TYPES:
        return 0
    _, exponent, fraction = TYPES[entry["dtype"]]
    mask = ((1 << exponent) - 1) << fraction
    return int(((_bits(data, entry, start) & mask) == mask).sum())


def _number(data: memoryview, entry: dict[str, Any], start: int) -> float:
    """A scalar tensor's value; bfloat16 is the upper half of a float32."""
    if entry["dtype"] not in TYPES or math.prod(entry["shape"]) != 1:
        return math.nan
    bits = _bits(data, entry, start)
    if entry["dtype"] == "BF16":
        return float((bits.astype("<u4") << 16).view("<f4")[0])
    return float(bits.view(f"<f{bits.itemsize}")[0])


def _naming(names: list[str]) -> str:
    if any(name.startswith("lora_") for name in names):
        return "Kohya (ComfyUI, A1111, diffusers)"
    if any(name.startswith("diffusion_model.") for name in names):
        return "diffusion_model (ComfyUI, diffusers)"
    return "PEFT" if any(name.startswith("base_model.model.") for name in names) else "diffusers"


def _part(name: str) -> str:
    return next((part for part, starts in PARTS if name.startswith(starts)), "other")


def _family(downs: dict[str, Any], metadata: dict[str, str]) -> str | None:
    """The base's family: what the file says, else what its attention reads."""
    if said := metadata.get("modelspec.architecture") or metadata.get("ss_base_model_version"):
        return said
    families = [*NO_BASE, *((base.TITLE, *base.RECOGNISED_BY) for base in bases().values())]
    widths = {name: entry["shape"][1] for name, entry in downs.items() if len(entry["shape"]) > 1}
    return next(
        (title for title, layer, width in families
         for name, found in widths.items() if found == width and re.search(layer, name)), None,
    )  # fmt: skip
