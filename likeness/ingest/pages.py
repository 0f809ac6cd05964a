"""Which page of a TIFF is the photograph: the first, unless that is a small copy of a later one."""

import io

import numpy as np
from PIL import Image

from likeness.ingest.kinds import camera_raw, is_reduced, tags_of

# Pages looked at: a file may hold a million.
MAX_PAGES = 100
LARGER, SAME_SHAPE = 1.5, 0.03
# Two pages are one picture where, at this side, they differ by less than these levels on average.
COMPARED_PX, MOST_DIFFERENCE = 24, 8.0


def open_photograph(image: Image.Image, data: bytes, most_pixels: float, notes: list[str]) -> None:
    """Go to the page of `data` that is the photograph, and note which of how many it is. A page larger than `most_pixels` is not
    decoded: whoever reads the picture refuses it.

    Raises:
        InputError: `camera-raw`, it begins with a preview, and no page is its picture.
        Whatever a page that does not read makes Pillow raise.
    """
    width, height = image.size
    is_preview = is_reduced(tags_of(image))
    best, pixels, count = 0, 0 if is_preview else width * height * LARGER**2, 1
    while count <= MAX_PAGES:
        try:
            image.seek(count)
        except EOFError:
            break
        except SyntaxError:  # a mask, or numbers that Pillow does not know: the others are whole all the same
            count += 1
            continue
        same_shape = abs(image.width * height / (image.height * width) - 1) < SAME_SHAPE
        if same_shape and not is_reduced(tags_of(image)) and image.width * image.height > pixels:
            best, pixels = count, image.width * image.height
        count += 1
    if is_preview and not best:
        raise camera_raw("TIFF that begins with a preview")
    if best and not is_preview and pixels <= most_pixels and not _are_alike(data, best):
        best = 0
    image.seek(best)
    many = f"more than {MAX_PAGES}" if count > MAX_PAGES else count
    if best:
        notes.append(f"page {best + 1} of {many} taken: the first is a small copy of it")
    elif count > 1:
        notes.append(f"first of {many} frames taken")


def _are_alike(data: bytes, page: int) -> bool:
    """Whether a page shows what the first shows."""
    small: list[np.ndarray] = []
    for number in (0, page):
        with Image.open(io.BytesIO(data), formats=("TIFF",)) as image:
            image.seek(number)
            reduced = image.convert("RGB").resize((COMPARED_PX, COMPARED_PX), Image.Resampling.BOX)
            small.append(np.asarray(reduced, np.float32))
    return bool(np.abs(small[0] - small[1]).mean() < MOST_DIFFERENCE)
