"""Take a trademark, MakeHuman's logo, off a photograph of the demo: `python -m tools.synthetic_people.plain_shirts`.

It was rendered before the wardrobe wore such garments in plain colours, and the traits for rendering it anew are not to be had
here. The logo's thin strokes are filled from the fabric beside them, with grain like the fabric's; nothing else changes. After it:
the sha256 in data/jade/raw/numbers.yaml, then `python -m tools.sign_demo`.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, JpegImagePlugin

from likeness.images import RGB, to_lab

RAW = Path("data/jade/raw")


@dataclass(frozen=True, kw_only=True)
class Logo:
    """Where a logo lies: its ring's middle and half axes, how much yellower than the fabric its strokes are (CIELAB b), whether the
    ring is as pale as the fabric, and how far strokes are grown; lengths in px."""

    middle: tuple[int, int]
    axes: tuple[int, int]
    yellower: float
    pale_ring: bool
    grow: int


LOGOS = {
    "sources/jade_06.jpg": Logo(middle=(410, 851), axes=(122, 113), yellower=2.6, pale_ring=False, grow=7),
}
GRAIN = 0.6
"""Share of the grain that is laid over what was filled: the fabric's is weave in part."""
WORN_PX = 400
"""Fewer pixels of strokes are the fabric's own; the logos had 2,450 to 11,643."""
INSIDE, RING = 1.16, 0.13
"""Shares of the half axes: how far out a stroke may lie, and how far from the ring's middle line."""


def strokes(rgb: RGB, logo: Logo) -> np.ndarray:
    """Where the logo's strokes are, 0 or 1 [H, W]."""
    yellow = np.asarray(cv2.GaussianBlur(to_lab(rgb)[..., 2], (0, 0), 1.2))
    y, x = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
    out = np.hypot((x - logo.middle[0]) / logo.axes[0], (y - logo.middle[1]) / logo.axes[1])
    inside = out < INSIDE
    found = inside & (yellow - np.median(yellow[inside]) > logo.yellower)
    if logo.pale_ring:
        found |= np.abs(out - 1) < RING
    opened = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    return cv2.dilate(opened, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (logo.grow, logo.grow)))


def plain(rgb: RGB, logo: Logo) -> RGB:
    """The picture without the logo."""
    where, pixels = strokes(rgb, logo), rgb.astype(np.float32)
    filled = cv2.GaussianBlur(
        cv2.inpaint(rgb, where * 255, 7, cv2.INPAINT_TELEA).astype(np.float32), (0, 0), 2
    )
    near = (cv2.dilate(where, np.ones((25, 25))) > 0) & (cv2.dilate(where, np.ones((5, 5))) == 0)
    grain = (pixels - cv2.GaussianBlur(pixels, (0, 0), 2)).mean(axis=2)[near].std()
    noise = cv2.GaussianBlur(np.random.default_rng(0).normal(size=where.shape), (0, 0), 0.7)
    noise *= GRAIN * grain / noise.std()
    weight = cv2.GaussianBlur(where.astype(np.float32), (0, 0), 1)
    weight = np.where(where, np.maximum(weight, 0.98), weight)[..., None]
    return np.clip(pixels * (1 - weight) + (filled + noise[..., None]) * weight + 0.5, 0, 255).astype(
        np.uint8
    )


def main() -> None:
    """Rewrite the pictures that bear a logo, as JPEGs with the tables, the sampling and the EXIF that they had."""
    for name, logo in LOGOS.items():
        with Image.open(RAW / name) as image:
            tables, sampling = vars(image)["quantization"], JpegImagePlugin.get_sampling(image)
            exif, rgb = image.info.get("exif", b""), np.asarray(image.convert("RGB"))
        if strokes(rgb, replace(logo, pale_ring=False, grow=1)).sum() < WORN_PX:
            continue
        Image.fromarray(plain(rgb, logo)).save(RAW / name, qtables=tables, subsampling=sampling, exif=exif)
        sys.stderr.write(f"plain_shirts: {RAW / name}\n")


if __name__ == "__main__":
    main()
