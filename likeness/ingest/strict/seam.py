"""JPEG data that fit together and are wrong all the same: a block's brightness is told as its difference from the block before,
so one wrong difference moves all blocks up to the next restart, and their edge goes through the picture as a step.

    ................        . blocks as they were
    .......#########        # blocks that are too bright or have another colour: from a block in the midst of
    ################          a row to the end of the data, or to the next restart

Source: ITU-T T.81, F.1.1.5.1 and E.1.4.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Levels = NDArray[np.float32]
Steps = NDArray[np.bool_]

LEAST_STEP = 10.0
"""Levels of 255 by which a row of pixels leaves the slope of its neighbours, where an edge goes through."""

MOST_OF_IT, LITTLE_OF_IT = 0.8, 0.2
"""Shares of blocks: of those along the edge that must show it, and of those beside it that may."""

LEAST_SIDE = 3
"""Blocks on either side of where the edge begins; with fewer an edge in the picture itself could be taken for one."""

LEAST_BAND = 6
"""Blocks that a band within one row must have, for the same reason."""

MOST_UNEVEN = 0.35
"""How far a step of a band may be from its middle step, as a share of that."""


def edge_of_moved_blocks(image: Image.Image, block_px: tuple[int, int], rows: int | None) -> int | None:
    """The row of blocks in which such an edge begins, or None.

    Args:
        block_px: width and height of what is coded at a time (MCU), in the image's pixels.
        rows: rows of blocks from one restart to the next; None: there is none.
    """
    steps = _steps(np.asarray(image.convert("RGB").convert("YCbCr")), *block_px)
    for channel in (*steps, *-steps):
        row = _to_the_end(channel > LEAST_STEP) if rows is None else _to_a_restart(channel, rows)
        if row is not None:
            return row
    return None


def _steps(pixels: NDArray[np.uint8], width: int, height: int) -> Levels:
    """By how much each channel steps at the upper edge of each block, beyond the slope of the pixels there: [C,R,M], the first
    of R rows zeros."""
    across, down = pixels.shape[1] // width, pixels.shape[0] // height
    found = np.zeros((3, down, across), np.float32)
    tops = np.arange(1, down, dtype=np.int64) * height
    at = {shift: pixels[tops + shift, : across * width].astype(np.float32) for shift in (-2, -1, 0, 1)}
    step = at[0] - at[-1] - (at[-1] - at[-2] + at[1] - at[0]) / 2
    blocks = step.reshape(len(tops), across, width, 3)
    found[:, 1:] = np.moveaxis(np.median(blocks, axis=2), -1, 0)
    return found


def _to_the_end(edge: Steps) -> int | None:
    """Blocks from the midst of row r on: the edge runs above the right part of row r, and above the left part of the next."""
    left, right = _shares(edge)
    starts = (
        (right[:-1] >= MOST_OF_IT)
        & (left[1:] >= MOST_OF_IT)
        & (left[:-1] <= LITTLE_OF_IT)
        & (right[1:] <= LITTLE_OF_IT)
    )[:, LEAST_SIDE : 1 - LEAST_SIDE]
    return int(np.argwhere(starts)[0][0]) if starts.any() else None


def _to_a_restart(steps: Levels, rows: int) -> int | None:
    """The same in pieces of `rows` rows. Of one row it is a band, which steps up and as far down."""
    if rows > 1:
        for first in range(0, len(steps), rows):
            if (row := _to_the_end(steps[first : first + rows] > LEAST_STEP)) is not None:
                return first + row
        return None
    left, right = _shares(steps > LEAST_STEP)
    left_below, right_below = _shares(steps < -LEAST_STEP)
    starts = (
        (right[:-1] >= MOST_OF_IT)
        & (right_below[1:] >= MOST_OF_IT)
        & (left[:-1] <= LITTLE_OF_IT)
        & (left_below[1:] <= LITTLE_OF_IT)
    )
    starts[:, :LEAST_SIDE] = starts[:, 1 - LEAST_BAND :] = False
    return next((int(row) for row, column in np.argwhere(starts) if _is_even(steps, row, column)), None)


def _is_even(steps: Levels, row: int, column: int) -> bool:
    """Whether a band steps everywhere by as much: a texture does not."""
    both = np.concatenate([steps[row, column:], -steps[row + 1, column:]])
    middle = np.median(both)
    return bool((np.abs(both - middle) <= MOST_UNEVEN * middle).mean() >= MOST_OF_IT)


def _shares(edge: Steps) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The share of blocks that show the edge left of each column, and from it on: [R,M+1]."""
    count = edge.shape[1]
    until = np.concatenate([np.zeros((len(edge), 1)), np.cumsum(edge, axis=1)], axis=1)
    columns = np.arange(count + 1, dtype=np.int64)
    left = until / np.maximum(columns, 1)
    right = (until[:, -1:] - until) / np.maximum(count - columns, 1)
    return left, right
