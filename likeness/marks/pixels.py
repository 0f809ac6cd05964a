# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# onnxruntime is partly untyped.
"""The imperceptible mark: 32 bits in a picture's pixels, put there and read by RivaGAN.

The mark is made at one size (`SIDE_PX`) and enlarged onto the picture, and read at that size: a picture may be scaled
without harm to it. A crop moves the scale by what it cuts off; `LOOKS` are the sizes at which a reader looks.

Each pixel carries one of the bits, and the picture decides which: a smooth part holds some bits only. So a reader that is
not sure of the middle looks at the whole, and a bit that hardly shows counts for little (`chances`).

Source: Zhang et al. 2019, "Robust Invisible Video Watermarking with Attention" (arXiv:1909.01285; MIT), as exported to
ONNX in invisible-watermark 0.2.0. The files are read by path: the package itself imports torch.
"""

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from likeness.errors import InputError
from likeness.faces.models import ModelFile, weights
from likeness.faces.session import cpu_session
from likeness.images import RGB, decode_rgb, encode_jpeg

BITS = 32
SIDE_PX = 320
"""Length of the picture's shorter side while it is marked and read."""

LOOKS = ((1.0, 192), (1.0, 480), (0.8, 480))
"""Where a reader looks, until it is sure: the share of `SIDE_PX`, and the greatest side in px of the middle part that is read.
The first is quick and mostly enough; one scale reads pictures from 0.85 to 1.15 times its size, so the last is for crops."""

MIN_SIDE_PX = 256
"""Smaller pictures cannot carry the mark."""

ONES = range(13, 20)
"""How many bits of a mark are 1: the network does not hold a mark of mostly equal bits (of 2 ones, 23 of 32 read back)."""

STRENGTHS = (1.0, 1.5, 2.0)
"""Multiples of what the network adds, 42.6 to 36.4 dB; a picture gets the first one that survives `TRIAL_QUALITY`."""

TRIAL_QUALITY = 75
SURE = 1e-9
ENOUGH = 1e-8
"""What `chances` may say after the trial: a strength is taken at `SURE`, and above `ENOUGH` a picture does not leave marked.
Detection asks for 1e-6: the rest is left for what happens to the picture outside."""

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
    """A picture with the mark in it: its pixels, the strength that it took and its chance after the trial."""

    rgb: RGB
    strength: float
    chance: float


def write_mark(rgb: RGB, mark: int) -> Marked:
    """Put the 32 bits of `mark` into a picture.

    Raises:
        InputError: `too-small-to-mark`, or `mark-does-not-hold` where the picture drowns the mark (blurred ones do).
        ConfigError: the network's files are missing or others.
    """
    height, width = rgb.shape[:2]
    if min(height, width) < MIN_SIDE_PX:
        raise InputError(
            f"a picture of {width}x{height} px is too small for the imperceptible mark",
            reason="too-small-to-mark",
            remedy=f"{MIN_SIDE_PX} px a side are needed",
        )
    frame = _frame(_scaled(rgb, SIDE_PX))
    bits = bits_of(mark)
    marked = _session(ENCODER).run(None, {"frame": frame, "data": bits[None].astype(np.float32)})[0]
    added = _enlarged((marked - frame)[0, :, 0] * HALF, width, height)
    best = Marked(rgb=rgb, strength=0.0, chance=1.0)
    for strength in STRENGTHS:
        pixels = np.clip(np.rint(rgb + strength * added), 0, 255).astype(np.uint8)
        seen = least_chance(decode_rgb(encode_jpeg(pixels, TRIAL_QUALITY)), mark, SURE)
        if seen < best.chance:
            best = Marked(rgb=pixels, strength=strength, chance=seen)
        if seen <= SURE:
            break
    if best.chance > ENOUGH:
        raise InputError(
            f"the imperceptible mark does not hold in this picture: by chance once in {1 / best.chance:.0e}",
            reason="mark-does-not-hold",
            remedy="a sharper picture carries it",
        )
    return best


def draw_mark() -> int:
    """A mark by lot that the network can hold."""
    return next(mark for mark in iter(lambda: secrets.randbits(BITS), None) if mark.bit_count() in ONES)


def least_chance(rgb: RGB, mark: int, enough: float) -> float:
    """The least `chance` of this mark in an uncropped picture: looking ends where it is at most `enough`."""
    least = 1.0
    for scale, side in LOOKS[:2]:
        least = min(least, *chances(read_values(rgb, scale, side), [mark]))
        if least <= enough:
            break
    return least


def read_values(rgb: RGB, scale: float, side_px: int) -> NDArray[np.float32]:
    """What one of the `LOOKS` sees [32]: a bit is 1 where the value is above 0, and the further from 0, the surer.

    An unmarked picture shows some, too.
    """
    small = _scaled(rgb, round(SIDE_PX * scale))
    down, across = (slice((n - min(n, side_px)) // 2, (n + min(n, side_px)) // 2) for n in small.shape[:2])
    return _session(DECODER).run(None, {"frame": _frame(small[down, across])})[0][0]


def matching(values: NDArray[np.float32], mark: int) -> int:
    """How many of the 32 bits are the mark's."""
    return int(((values > 0) == bits_of(mark)).sum())


def chances(values: NDArray[np.float32], marks: Sequence[int]) -> list[float]:
    """For each mark: how often, at most, one drawn by lot agrees so well with what an unmarked picture shows.

    The mark is drawn without regard to any picture. So whatever a picture shows, the agreement (the sum of the values'
    sizes over the bits that are right) is at least this one for a share of all marks that is counted here exactly, on sizes
    in steps of 1/WEIGHTS of the largest. `ONES` leaves BALANCED of them, which can at most multiply the share.
    """
    sizes = np.abs(values).astype(np.float64)
    weights = np.rint(sizes / max(float(sizes.max()), 1e-30) * WEIGHTS).astype(int)
    share = np.zeros(int(weights.sum()) + 1)
    share[0] = 1.0
    for weight in weights:
        share[weight:] = share[weight:] / 2 + share[: len(share) - weight] / 2 if weight else share
        share[:weight] /= 2
    at_least = np.cumsum(share[::-1])[::-1] / BALANCED
    agreements = [int(weights[(values > 0) == bits_of(mark)].sum()) for mark in marks]
    return [min(1.0, float(at_least[agreement])) for agreement in agreements]


def bits_of(mark: int) -> NDArray[np.uint8]:
    """The bits [32] of a mark, the highest first."""
    return np.array([int(bit) for bit in f"{mark:0{BITS}b}"], np.uint8)


HALF = 127.5
WEIGHTS = 255
BALANCED = sum(math.comb(BITS, ones) for ones in ONES) / 2**BITS
"""Of all marks those that have as many ones as `ONES` allows: 0.78."""


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
    rgb = added[::-1].transpose(1, 2, 0)
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


@cache
def _session(file: ModelFile) -> Any:
    return cpu_session(weights(file), quiet=True)
