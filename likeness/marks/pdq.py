"""PDQ: how a picture looks, in 256 bits that change little when it is saved, scaled or a little cropped.

Source: Meta, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm" (2019), and its program
(github.com/facebook/ThreatExchange, pdq/), read 2026-11. Ours, because the package pdqhash has no wheel for Linux: a machine
without a C++ compiler could not install likeness.
"""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from likeness.images import RGB

KEPT_SHARES = (0.9, 0.8, 0.7)
"""Crops of which the registry keeps a hash too: PDQ alone does not survive them."""

PLACES = ((0.5, 0.5), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
"""Where such a crop lies: shares of what is cut off that are above and left of it."""

NEAR = 64
"""Of 256 bits: two hashes no further apart are taken for one picture's."""


BYTES = 32
"""Of a hash."""

SAME_PICTURE_BITS = 31
"""No further apart, and they show the same picture. Source: Meta's ThreatExchange, "PDQ" (31 of 256 bits)."""

SIDE_PX = 512
"""A larger picture is reduced to this first, as Meta's own program does."""

CHANGED_SIDE_PX = 256
"""To which it is reduced before it is changed, which is done many times."""

STRETCHED_SHARES = (0.9, 0.85, 0.8, 0.75)
"""What a stretch leaves of a side."""

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
CELLS = 64
"""A picture is blurred and looked at in as many rows and columns."""
FREQUENCIES = 16
WINDOWS = 2 * CELLS
"""The blur's window is this part of a side."""
COSINES = np.float32(
    np.sqrt(2 / CELLS)
    * np.cos(np.pi / (2 * CELLS) * np.outer(1 + np.arange(FREQUENCIES), 1 + 2 * np.arange(CELLS)))
)
"""[16,64]: the discrete cosine transform without its mean."""


def pdq(rgb: RGB) -> str:
    """The hash as 64 hex digits."""
    return _hash(_reduced(rgb))


def _hash(rgb: RGB) -> str:
    luma = rgb.astype(np.float32) @ LUMA
    if luma.shape != (CELLS, CELLS):
        luma = _blurred(luma)
    rows, columns = (((np.arange(CELLS) + 0.5) * side / CELLS).astype(int) for side in luma.shape)
    waves = (COSINES @ luma[np.ix_(rows, columns)] @ COSINES.T).ravel()
    median = np.sort(waves)[waves.size // 2 - 1]
    return np.packbits((waves > median)[::-1]).tobytes().hex()


def _blurred(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Twice the mean of the window around each pixel, of the part of it that lies in the picture."""
    height, width = (-(-side // WINDOWS) for side in luma.shape)
    window, anchor = (width, height), ((width - 1) // 2, (height - 1) // 2)

    def total(values: NDArray[np.float32]) -> NDArray[np.float32]:
        summed = cv2.boxFilter(
            values, -1, window, anchor=anchor, normalize=False, borderType=cv2.BORDER_CONSTANT
        )
        return np.asarray(summed, np.float32)

    pixels = total(np.ones_like(luma))
    return total(total(luma) / pixels) / pixels


def _reduced(rgb: RGB, side_px: int = SIDE_PX) -> RGB:
    height, width = rgb.shape[:2]
    factor = side_px / max(height, width)
    if factor >= 1:
        return rgb
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def fingerprints(rgb: RGB) -> list[str]:
    """The hashes of a picture and of crops of it."""
    rgb = _reduced(rgb)
    height, width = rgb.shape[:2]
    found = [_hash(rgb)]
    for share in KEPT_SHARES:
        down, across = round(height * share), round(width * share)
        for above, left in PLACES:
            y, x = round((height - down) * above), round((width - across) * left)
            found.append(_hash(rgb[y : y + down, x : x + across]))
    return found


def turned(rgb: RGB) -> list[str]:
    """The hashes of a picture mirrored, upside down, and both."""
    rgb = _reduced(rgb, CHANGED_SIDE_PX)
    return [_hash(one) for one in (rgb[:, ::-1], rgb[::-1, ::-1], rgb[::-1])]


def stretched(rgb: RGB) -> list[str]:
    """The hashes of a picture that was made wider, or higher, by a tenth to a third, and cut to its size."""
    rgb = _reduced(rgb, CHANGED_SIDE_PX)
    height, width = rgb.shape[:2]
    found: list[str] = []
    for share in STRETCHED_SHARES:
        y, x = round(height * (1 - share) / 2), round(width * (1 - share) / 2)
        found += [_hash(rgb[:, x : width - x]), _hash(rgb[y : height - y])]
    return found


def negative(hash_: str) -> str:
    """The hash of a picture's negative, but for a bit or two."""
    return f"{int(hash_, 16) ^ (1 << 8 * BYTES) - 1:0{2 * BYTES}x}"


def distance(hash_: str, others: Iterable[str]) -> int:
    """The fewest bits in which the hash differs from one of the others; 256 where there are none."""
    own = int(hash_, 16)
    return min(((own ^ int(other, 16)).bit_count() for other in others), default=256)
