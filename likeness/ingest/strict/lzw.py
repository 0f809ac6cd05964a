"""How many bytes LZW data unpack to, without unpacking them (TIFF 6.0, section 13; GIF89a, appendix F)."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BITS = 12
Codes = NDArray[np.int64]


def unpacked_length(data: bytes, *, value_bits: int, gif: bool) -> int:
    """Bytes (GIF: indices) that the data up to their end code, or their end, stand for.

    Codes have `value_bits` + 1 bits at first. GIF fills bytes from their lowest bit and widens codes one later than TIFF.

    Raises:
        ValueError: a code that does not exist yet.
    """
    clear, end, first = 1 << value_bits, (1 << value_bits) + 1, (1 << value_bits) + 2
    padded = np.frombuffer(data + b"\0\0\0", np.uint8).astype(np.int64)
    bit, total = 0, 0
    while bit + value_bits < 8 * len(data):
        codes, ends, run = _run(padded, bit, 8 * len(data), clear, end, first, gif=gif)
        total += _lengths(codes, clear, first)
        bit = int(ends[len(codes)]) if len(codes) < len(ends) else 8 * len(data)
        if run == end:
            break
    return total


def _run(
    data: Codes, bit: int, stop: int, clear: int, end: int, first: int, *, gif: bool
) -> tuple[Codes, Codes, int]:
    """The codes up to the next `clear` or `end`, where each code ends in bits, and which of both follows (-1: neither)."""
    count = (1 << MOST_BITS) + 2
    while True:
        widths, ends = _widths(count, first, gif=gif)
        whole = int(np.searchsorted(ends, stop - bit, side="right"))
        widths, ends = widths[:whole], ends[:whole] + bit
        codes = _bits(data, ends - widths, widths, gif=gif)
        marks: Any = np.flatnonzero((codes == clear) | (codes == end))
        if len(marks):
            return codes[: marks[0]], ends, int(codes[marks[0]])
        if whole < count:
            return codes, ends, -1
        count *= 4


@lru_cache(maxsize=8)
def _widths(count: int, first: int, *, gif: bool) -> tuple[Codes, Codes]:
    """How many bits each code after a clear one has, and where it ends."""
    # After n codes the table has n - 1 entries of its own.
    entries = first + np.arange(count) - (1 if gif else 0)
    least = (first - 3).bit_length() + 1
    widths = np.clip(np.ceil(np.log2(entries + 1)), least, MOST_BITS).astype(np.int64)
    return widths, np.cumsum(widths)


def _bits(data: Codes, at: Codes, widths: Codes, *, gif: bool) -> Codes:
    byte, offset = at >> 3, at & 7
    if gif:
        three = data[byte] | data[byte + 1] << 8 | data[byte + 2] << 16
        return three >> offset & (1 << widths) - 1
    three = data[byte] << 16 | data[byte + 1] << 8 | data[byte + 2]
    return three >> 24 - offset - widths & (1 << widths) - 1


def _lengths(codes: Codes, clear: int, first: int) -> int:
    """The sum of what codes stand for. Entry n is what code n stands for and one value more."""
    parents = np.where(codes < clear, -1, codes - first)
    if (parents >= np.arange(len(codes))).any():
        raise ValueError("a code of its LZW data does not exist")
    # How far each is from a plain value, by doubling steps: -1 is the end, kept in the last place.
    to = np.append(parents, len(codes))
    to[to < 0] = len(codes)
    lengths = np.append(np.ones(len(codes), np.int64), 0)
    while (to < len(codes)).any():
        lengths += lengths[to]
        to = to[to]
    return int(lengths.sum())
