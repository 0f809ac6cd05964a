"""Cut and resample an image file in one step.

Resampling takes the crop as real numbers (Pillow's `box`), so nothing is rounded and nothing is stretched.
A JPEG that is reduced is decoded at 1/2, 1/4 or 1/8 of its size by libjpeg's scaled inverse DCT (Pillow's
`draft`), which is where most of the time of a large photograph goes.
"""

import numpy as np
from PIL import Image

from likeness.images import RGB, open_image
from likeness.resize.crop import Cut

# A draft must still be this much larger than the output, so that Lanczos and not the DCT decides the
# sharpness. bench/resize.py measures what it costs against full decoding.
DRAFT_RESERVE = 1.4

# Pillow first averages whole pixels down to this many times the output before it applies Lanczos: from 3 on
# the result is nearly the same as without (Pillow's documentation of `reducing_gap`, read 2026-11).
REDUCING_GAP = 3.0


def image_size(data: bytes, *, name: str) -> tuple[int, int]:
    """(width, height) from the header of image bytes.

    Raises:
        InputError: `unreadable`.
    """
    with open_image(data, name=name) as image:
        return image.size


def fit(data: bytes, cut: Cut, *, name: str) -> RGB:
    """The cut out of image bytes, Lanczos-resampled: uint8 [H, W, 3] RGB of `cut.size_px`.

    Raises:
        InputError: `unreadable`.
    """
    with open_image(data, name=name) as image:
        full = image.size
        if image.format == "JPEG":
            reserve = cut.scale * DRAFT_RESERVE
            image.draft("RGB", (round(full[0] * reserve), round(full[1] * reserve)))
        # After a draft an image is smaller by a whole factor, rounded up at odd sizes: hence one ratio a side.
        kx, ky = image.size[0] / full[0], image.size[1] / full[1]
        left, top, right, bottom = cut.box_px
        box = (left * kx, top * ky, min(right * kx, image.size[0]), min(bottom * ky, image.size[1]))
        rgb = image if image.mode == "RGB" else image.convert("RGB")
        cut_out = rgb.resize(cut.size_px, Image.Resampling.LANCZOS, box=box, reducing_gap=REDUCING_GAP)
        return np.array(cut_out, dtype=np.uint8)
