# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# onnxruntime ships no types.
"""The imperceptible mark: 32 bits in a picture's pixels, put there and read by RivaGAN.

The mark is made at one size (`SIDE_PX`) and enlarged onto the picture, and read at that size: a picture may be scaled
without harm to it. A crop moves the scale by what it cuts off; `SCALES` are the sizes at which a reader looks.

Source: Zhang et al. 2019, "Robust Invisible Video Watermarking with Attention" (arXiv:1909.01285; MIT), as exported to
ONNX in invisible-watermark 0.2.0. The files are read by path: the package itself imports torch.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from likeness.errors import InputError
from likeness.faces.models import ModelFile, locate
from likeness.images import RGB, decode_rgb, encode_jpeg

BITS = 32
SIDE_PX = 320
"""Length of the picture's shorter side while it is marked and read."""

WINDOW_PX = 192
"""Side of the middle part that a reader looks at; reading takes time by its area."""

SCALES = (1.0, 0.8)
"""Shares of `SIDE_PX` at which a reader looks: of an uncropped picture, and of one that lost about a fifth of its sides.
One reads from 0.85 to 1.15 times its size."""

MIN_SIDE_PX = 256
"""Smaller pictures cannot carry the mark."""

STRENGTHS = (1.0, 1.5, 2.0)
"""Multiples of what the network adds; a picture gets the first one that survives `TRIAL_QUALITY` whole."""

TRIAL_QUALITY = 75
ENOUGH_BITS = 31
"""With fewer bits right after the trial a picture does not leave."""

REQUIREMENT = "invisible-watermark==0.2.0"
ENCODER = ModelFile(
    package="imwatermark",
    path="rivagan_encoder.onnx",
    sha256="66bc7814fadac7d686105c8ab26c6cf2cc8e40deb83e67bb6ef5b9de9b8ece0d",
    requirement=REQUIREMENT,
)
DECODER = ModelFile(
    package="imwatermark",
    path="rivagan_decoder.onnx",
    sha256="6b006690cf352fa50a91a0b6d6241dbcded0a9957969e2c0665cf9a7011b3880",
    requirement=REQUIREMENT,
)


@dataclass(frozen=True, kw_only=True)
class Marked:
    """A picture with the mark in it: its pixels, the strength that it took and the bits that survived the trial."""

    rgb: RGB
    strength: float
    bits: int


def write_mark(rgb: RGB, mark: int) -> Marked:
    """Put the 32 bits of `mark` into a picture.

    Raises:
        InputError: `too-small-to-mark`, or `mark-does-not-hold` where the picture drowns the mark (blurred ones do).
        ConfigError: the network's files are missing or others.
    """
    height, width = rgb.shape[:2]
    if min(height, width) < MIN_SIDE_PX:
        raise InputError(f"a picture of {width}x{height} px is too small for the imperceptible mark",
                         reason="too-small-to-mark", remedy=f"{MIN_SIDE_PX} px a side are needed")  # fmt: skip
    frame = _frame(_scaled(rgb, SIDE_PX))
    bits = bits_of(mark)
    marked = _session(ENCODER).run(None, {"frame": frame, "data": bits[None].astype(np.float32)})[0]
    added = _enlarged((marked - frame)[0, :, 0] * HALF, width, height)
    best = Marked(rgb=rgb, strength=0.0, bits=0)
    for strength in STRENGTHS:
        pixels = np.clip(np.rint(rgb + strength * added), 0, 255).astype(np.uint8)
        trial = decode_rgb(encode_jpeg(pixels, TRIAL_QUALITY))
        right = matching(read_bits(trial, SCALES[0]), mark)
        if right > best.bits:
            best = Marked(rgb=pixels, strength=strength, bits=right)
        if right == BITS:
            break
    if best.bits < ENOUGH_BITS:
        raise InputError(f"the imperceptible mark does not hold in this picture: {best.bits} of {BITS} bits",
                         reason="mark-does-not-hold", remedy="a sharper picture carries it")  # fmt: skip
    return best


def read_bits(rgb: RGB, scale: float) -> int:
    """The 32 bits that a picture shows at one of the `SCALES`; an unmarked picture shows some, too."""
    small = _scaled(rgb, round(SIDE_PX * scale))
    height, width = small.shape[:2]
    side = min(WINDOW_PX, height, width)
    top, left = (height - side) // 2, (width - side) // 2
    values = _session(DECODER).run(None, {"frame": _frame(small[top : top + side, left : left + side])})[0][0]
    return int("".join("1" if value > 0 else "0" for value in values), 2)


def matching(read: int, mark: int) -> int:
    """How many of the 32 bits are the same."""
    return BITS - (read ^ mark).bit_count()


def chance(bits: int) -> float:
    """The probability that at least so many of 32 bits are those of a mark drawn by lot, in a picture that has none.

    The mark is drawn without regard to any picture: whatever a picture shows, each bit is right with probability 1/2.
    """
    return sum(math.comb(BITS, right) for right in range(bits, BITS + 1)) / 2**BITS


def bits_of(mark: int) -> NDArray[np.uint8]:
    """The bits [32] of a mark, the highest first."""
    return np.array([int(bit) for bit in f"{mark:0{BITS}b}"], np.uint8)


HALF = 127.5


def _frame(rgb: RGB) -> NDArray[np.float32]:
    """Pixels [H, W, 3] as the network takes them: [1, 3, 1, H, W], -1 to 1, blue first."""
    return np.ascontiguousarray(rgb[..., ::-1].astype(np.float32) / HALF - 1).transpose(2, 0, 1)[
        None, :, None
    ]


def _scaled(rgb: RGB, side_px: int) -> RGB:
    """The picture with a shorter side of `side_px`."""
    height, width = rgb.shape[:2]
    factor = side_px / min(height, width)
    size = (max(side_px, round(width * factor)), max(side_px, round(height * factor)))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))


def _enlarged(added: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """What is added [3, h, w], blue first, as [height, width, 3] RGB."""
    planes = [
        np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC))
        for plane in added[::-1]
    ]
    return np.stack(planes, axis=-1)


@cache
def _session(file: ModelFile) -> Any:
    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(locate(file)), options, providers=["CPUExecutionProvider"])
